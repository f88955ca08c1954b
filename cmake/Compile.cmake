# Flags every target of the project is built with, as interface targets:
#   pusherd_base      root-relative includes, sanitizers, hardening
#   pusherd_warnings  the full set of warnings, for the project's own code
#   pusherd_test_warnings  the same without -Wconversion, which Criterion's macros trip

add_library(pusherd_base INTERFACE)
target_include_directories(pusherd_base INTERFACE ${PROJECT_SOURCE_DIR})
target_compile_definitions(pusherd_base INTERFACE _GNU_SOURCE)
target_compile_options(pusherd_base INTERFACE
    -fno-strict-aliasing -fstack-protector-strong -fno-omit-frame-pointer)

if(PUSHERD_SANITIZE)
    target_compile_options(pusherd_base INTERFACE
        -fsanitize=${PUSHERD_SANITIZE} -fno-sanitize-recover=all)
    target_link_options(pusherd_base INTERFACE -fsanitize=${PUSHERD_SANITIZE})
endif()

set(CMAKE_C_FLAGS_RELEASE "-O2 -g")
if(CMAKE_BUILD_TYPE STREQUAL "Release")
    target_compile_definitions(pusherd_base INTERFACE _FORTIFY_SOURCE=2)
    target_link_options(pusherd_base INTERFACE -Wl,-z,relro,-z,now)
    set(CMAKE_INTERPROCEDURAL_OPTIMIZATION ON)
endif()

set(pusherd_common_warnings
    -Wall -Wextra -Wshadow -Wstrict-prototypes -Wmissing-prototypes -Wformat=2
    -Wundef -Wvla -Wpointer-arith -Wcast-qual -Wwrite-strings)
if(PUSHERD_WERROR)
    list(APPEND pusherd_common_warnings -Werror)
endif()

add_library(pusherd_warnings INTERFACE)
target_compile_options(pusherd_warnings INTERFACE ${pusherd_common_warnings} -Wconversion)

add_library(pusherd_test_warnings INTERFACE)
target_compile_options(pusherd_test_warnings INTERFACE ${pusherd_common_warnings})
