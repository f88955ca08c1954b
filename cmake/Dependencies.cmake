# What the project needs, by imported target. Debian 12 names first; where Debian 13 differs it is said.
find_package(PkgConfig REQUIRED)

pkg_check_modules(libuv REQUIRED IMPORTED_TARGET libuv)
pkg_check_modules(libcurl REQUIRED IMPORTED_TARGET libcurl)
pkg_check_modules(libsodium REQUIRED IMPORTED_TARGET libsodium)
pkg_check_modules(libcrypto REQUIRED IMPORTED_TARGET libcrypto)
pkg_check_modules(hiredis REQUIRED IMPORTED_TARGET hiredis)
# TLS to Redis (rediss://): Debian 13 has it, the hiredis of Debian 12 has not.
pkg_check_modules(hiredis_ssl IMPORTED_TARGET hiredis_ssl)
pkg_check_modules(libssl REQUIRED IMPORTED_TARGET libssl)
pkg_check_modules(jansson REQUIRED IMPORTED_TARGET jansson)
pkg_check_modules(inih REQUIRED IMPORTED_TARGET inih)
pkg_check_modules(libmicrohttpd REQUIRED IMPORTED_TARGET libmicrohttpd)
pkg_check_modules(libsystemd IMPORTED_TARGET libsystemd)

# Debian 13 ships the CMake package msgpack-c, Debian 12 the package msgpack with the target msgpackc.
find_package(msgpack-c CONFIG QUIET)
if(msgpack-c_FOUND)
    add_library(pusherd_msgpack ALIAS msgpack-c)
else()
    find_package(msgpack CONFIG REQUIRED)
    add_library(pusherd_msgpack ALIAS msgpackc)
endif()

if(PUSHERD_TESTS)
    pkg_check_modules(criterion REQUIRED IMPORTED_TARGET criterion)
endif()
