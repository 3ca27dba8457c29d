include("${CMAKE_CURRENT_LIST_DIR}/pkg.cmake")
nima_dep_pkg(dep_sqlite sqlite3 libsqlite3-dev)
