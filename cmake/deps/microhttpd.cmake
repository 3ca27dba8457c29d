include("${CMAKE_CURRENT_LIST_DIR}/pkg.cmake")
nima_dep_pkg(dep_microhttpd libmicrohttpd libmicrohttpd-dev)
