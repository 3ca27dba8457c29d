# nima_dep_pkg(TARGET PKG-CONFIG-NAME DEBIAN-PACKAGE): an interface target for a library that Debian has.
find_package(PkgConfig REQUIRED)

function(nima_dep_pkg target name package)
  if(TARGET ${target})
    return()
  endif()
  pkg_check_modules(${target} QUIET IMPORTED_TARGET ${name})
  if(NOT ${target}_FOUND)
    message(FATAL_ERROR "${name} is missing: apt-get install ${package} (or: scripts/setup packages)")
  endif()
  add_library(${target} INTERFACE)
  target_link_libraries(${target} INTERFACE PkgConfig::${target})
endfunction()
