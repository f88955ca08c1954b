# Run by cpack on the installed components before they are packed: manual pages are compressed, and each package has
# its copyright and changelog.
string(TIMESTAMP date "%a, %d %b %Y %H:%M:%S +0000" UTC) # of SOURCE_DATE_EPOCH where that is set

function(compress)
    if(ARGN)
        execute_process(COMMAND gzip -9nf ${ARGN} COMMAND_ERROR_IS_FATAL ANY)
    endif()
endfunction()

foreach(package IN LISTS CPACK_COMPONENTS_ALL)
    set(share ${CPACK_TEMPORARY_DIRECTORY}/${package}/usr/share)
    file(GLOB pages ${share}/man/man*/*.[1-9])
    compress(${pages})
    file(READ ${CMAKE_CURRENT_LIST_DIR}/../LICENSE license)
    string(REGEX REPLACE "\n\n" "\n.\n" license "${license}")
    string(REGEX REPLACE "\n(.)" "\n \\1" license "${license}")
    file(WRITE ${share}/doc/${package}/copyright
        "Format: https://www.debian.org/doc/packaging-manuals/copyright-format/1.0/\n\n"
        "Files: *\nCopyright: 2026 The pusherd authors\nLicense: Expat\n ${license}")
    file(WRITE ${share}/doc/${package}/changelog
        "pusherd (${CPACK_PACKAGE_VERSION}) unstable; urgency=medium\n\n"
        "  * Version ${CPACK_PACKAGE_VERSION}.\n\n -- ${CPACK_PACKAGE_CONTACT}  ${date}\n")
    compress(${share}/doc/${package}/changelog)
    execute_process(COMMAND chmod -R u=rwX,go=rX ${share}/doc COMMAND_ERROR_IS_FATAL ANY)
endforeach()
