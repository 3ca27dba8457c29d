# NIMA_WEB_LIBS: the folder with marked.esm.js and purify.es.mjs.
include("${CMAKE_CURRENT_LIST_DIR}/paths.cmake")
if(NOT EXISTS "${NIMA_WEB_LIBS}/marked.esm.js" OR NOT EXISTS "${NIMA_WEB_LIBS}/purify.es.mjs")
  message(FATAL_ERROR "marked and DOMPurify are not in ${NIMA_WEB_LIBS}: run scripts/setup web")
endif()
