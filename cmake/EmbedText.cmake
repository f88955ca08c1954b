# embed_text(<target> <files>...): compiles text files into a target.
# scripts/claim.lua becomes `extern const char embedded_claim_lua[]`, NUL-terminated, and its SHA-1 in hex
# `embedded_claim_lua_sha1[]`.
function(embed_text target)
    foreach(file IN LISTS ARGN)
        get_filename_component(name ${file} NAME)
        string(MAKE_C_IDENTIFIER ${name} symbol)
        set(out ${CMAKE_CURRENT_BINARY_DIR}/embedded_${symbol}.c)
        add_custom_command(
            OUTPUT ${out}
            COMMAND ${CMAKE_COMMAND} -DIN=${CMAKE_CURRENT_SOURCE_DIR}/${file} -DOUT=${out}
                    -DSYMBOL=embedded_${symbol} -P ${PROJECT_SOURCE_DIR}/cmake/EmbedTextFile.cmake
            DEPENDS ${file} ${PROJECT_SOURCE_DIR}/cmake/EmbedTextFile.cmake
            VERBATIM)
        target_sources(${target} PRIVATE ${out})
    endforeach()
endfunction()
