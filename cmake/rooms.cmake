# nima_room(NAME ROOMS … DEPS …): the library of one folder under src/, linking just what it may.
# nima_flags(TARGET): the house's compiler flags.

function(nima_flags target)
  target_compile_options(${target} PRIVATE
    $<$<COMPILE_LANGUAGE:C>:-include ${PROJECT_SOURCE_DIR}/src/util/banned.h>
    -fno-omit-frame-pointer -fstack-protector-strong)
  target_compile_definitions(${target} PRIVATE _GNU_SOURCE NIMA_VERSION="${PROJECT_VERSION}")
  if(NOT NIMA_SANITIZE)
    target_compile_definitions(${target} PRIVATE _FORTIFY_SOURCE=2)
  endif()
  if(NIMA_DEVELOPER)
    target_compile_options(${target} PRIVATE -Wall -Wextra -Wpedantic -Wshadow -Wvla -Werror
      $<$<COMPILE_LANGUAGE:C>:-Wmissing-prototypes -Wstrict-prototypes>)
  endif()
  if(NIMA_SANITIZE STREQUAL "address")
    target_compile_options(${target} PRIVATE -fsanitize=address,undefined -fno-sanitize-recover=all)
    target_link_options(${target} PRIVATE -fsanitize=address,undefined)
  elseif(NIMA_SANITIZE STREQUAL "thread")
    target_compile_options(${target} PRIVATE -fsanitize=thread)
    target_link_options(${target} PRIVATE -fsanitize=thread)
  endif()
endfunction()

function(nima_room name)
  cmake_parse_arguments(ROOM "" "" "ROOMS;DEPS" ${ARGN})
  file(GLOB_RECURSE sources CONFIGURE_DEPENDS ${PROJECT_SOURCE_DIR}/src/${name}/*.c
       ${PROJECT_SOURCE_DIR}/src/${name}/*.cpp)
  list(REMOVE_ITEM sources ${PROJECT_SOURCE_DIR}/src/app/main.c)
  if(NOT sources)
    return()
  endif()
  add_library(nima_${name} STATIC ${sources})
  target_include_directories(nima_${name} PUBLIC ${PROJECT_SOURCE_DIR}/src)
  foreach(room ${ROOM_ROOMS})
    if(TARGET nima_${room})
      target_link_libraries(nima_${name} PUBLIC nima_${room})
    endif()
  endforeach()
  target_link_libraries(nima_${name} PUBLIC ${ROOM_DEPS})
  nima_flags(nima_${name})
endfunction()
