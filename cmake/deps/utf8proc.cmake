include("${CMAKE_CURRENT_LIST_DIR}/pkg.cmake")
nima_dep_pkg(dep_utf8proc libutf8proc libutf8proc-dev)
