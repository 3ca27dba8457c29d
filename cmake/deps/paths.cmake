# Where scripts/setup put things: NIMA_CACHE_DIR, NIMA_YYJSON_DIR, NIMA_LLAMA_DIR, NIMA_WEB_LIBS, NIMA_MODELS_DIR.
# The script is asked, so that it and CMake cannot disagree about version, compiler or CPU.
if(NOT NIMA_PATHS_READ)
  get_filename_component(_nima_root "${CMAKE_CURRENT_LIST_DIR}/../.." ABSOLUTE)
  execute_process(
    COMMAND "${_nima_root}/scripts/setup" paths
    OUTPUT_VARIABLE _nima_paths
    RESULT_VARIABLE _nima_paths_rc
    OUTPUT_STRIP_TRAILING_WHITESPACE)
  if(NOT _nima_paths_rc EQUAL 0)
    message(FATAL_ERROR "scripts/setup paths did not work; run it by hand to see why")
  endif()
  string(REPLACE "\n" ";" _nima_paths "${_nima_paths}")
  foreach(_line IN LISTS _nima_paths)
    if(_line MATCHES "^([A-Z_]+)=(.*)$")
      set(${CMAKE_MATCH_1} "${CMAKE_MATCH_2}")
    endif()
  endforeach()
  set(NIMA_PATHS_READ TRUE)
endif()
set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS
  "${CMAKE_CURRENT_LIST_DIR}/../../deps.lock" "${CMAKE_CURRENT_LIST_DIR}/../../scripts/setup-deps.sh")
