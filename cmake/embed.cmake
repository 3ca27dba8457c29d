# nima_embed(TARGET LIST BASE folder FILES file…): puts files into the binary, as the array
# `nima_embedded_LIST` of src/util/embed.h. Files are sorted by name; a name is the path below BASE.
# nima_embed(TARGET LIST SOURCES_VAR variable BASE … FILES …) hands back the source file instead of
# adding it to the target, for a target that does not exist yet.
#
# The assembler's .incbin takes the bytes as they are, so no generator runs and large files compile
# at once. A changed file is noticed by configuring again: its SHA-256 stands in the source, since
# ccache does not see through .incbin and would hand out the old object.
function(nima_embed target list)
  cmake_parse_arguments(EMBED "" "BASE;SOURCES_VAR" "FILES" ${ARGN})
  if(EMBED_UNPARSED_ARGUMENTS)
    message(FATAL_ERROR "nima_embed: unknown words: ${EMBED_UNPARSED_ARGUMENTS}")
  endif()
  get_filename_component(base "${EMBED_BASE}" ABSOLUTE)
  set(names)
  foreach(file IN LISTS EMBED_FILES)
    get_filename_component(path "${file}" ABSOLUTE)
    file(RELATIVE_PATH name "${base}" "${path}")
    list(APPEND names "${name}")
  endforeach()
  list(SORT names)

  set(bytes "")
  set(rows "")
  set(paths)
  set(number 0)
  foreach(name IN LISTS names)
    set(symbol "nima_embedded_${list}_${number}")
    file(SHA256 "${base}/${name}" sum)
    string(APPEND bytes
      "__asm__(\"# ${sum}\\n\"\n        \".section .rodata\\n.balign 16\\n${symbol}:\\n.incbin \\\"${base}/${name}\\\"\\n\"\n"
      "        \"${symbol}_end:\\n.byte 0\\n.previous\\n\");\n"
      "HIDDEN extern const char ${symbol}[], ${symbol}_end[];\n")
    string(APPEND rows "    {\"${name}\", ${symbol}, ${symbol}_end},\n")
    list(APPEND paths "${base}/${name}")
    math(EXPR number "${number} + 1")
  endforeach()

  set(source "${CMAKE_BINARY_DIR}/embed/${list}.c")
  file(CONFIGURE OUTPUT "${source}" @ONLY CONTENT
"/* Made by cmake/embed.cmake. */
#include \"util/embed.h\"

#define HIDDEN __attribute__((visibility(\"hidden\")))

@bytes@
NIMA_EMBEDDED(@list@);
const struct nima_embedded nima_embedded_@list@[] = {
@rows@    {0},
};
")
  set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS ${paths})
  set_source_files_properties("${source}" TARGET_DIRECTORY ${target}
    PROPERTIES OBJECT_DEPENDS "${paths}")
  if(EMBED_SOURCES_VAR)
    set(${EMBED_SOURCES_VAR} "${source}" PARENT_SCOPE)
  else()
    target_sources(${target} PRIVATE "${source}")
  endif()
endfunction()
