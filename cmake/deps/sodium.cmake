include("${CMAKE_CURRENT_LIST_DIR}/pkg.cmake")
nima_dep_pkg(dep_sodium libsodium libsodium-dev)
