include("${CMAKE_CURRENT_LIST_DIR}/pkg.cmake")
nima_dep_pkg(dep_curl libcurl libcurl4-openssl-dev)
