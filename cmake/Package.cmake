# Debian packages, one a component: pusherd, libpusher0, libpusher-dev. Made by scripts/deb, that is by
# `cpack -G DEB` in a build with CMAKE_INSTALL_PREFIX=/usr. They are put into the state that Debian's policy wants by
# PackageTidy.cmake.
set(CPACK_GENERATOR DEB)
set(CPACK_PACKAGE_VENDOR "The pusherd authors")
set(CPACK_PACKAGE_CONTACT "The pusherd authors <pusherd@localhost>" CACHE STRING
    "Maintainer of the packages: who gives them to others puts an address here")
set(CPACK_PACKAGE_DIRECTORY ${PROJECT_BINARY_DIR}/packages)
set(CPACK_PACKAGING_INSTALL_PREFIX /usr)
set(CPACK_SET_DESTDIR ON) # for /etc
set(CPACK_INSTALL_DEFAULT_DIRECTORY_PERMISSIONS
    OWNER_READ OWNER_WRITE OWNER_EXECUTE GROUP_READ GROUP_EXECUTE WORLD_READ WORLD_EXECUTE)
set(CPACK_STRIP_FILES ON)
set(CPACK_COMPONENTS_ALL pusherd libpusher0 libpusher-dev)
set(CPACK_PRE_BUILD_SCRIPTS ${PROJECT_SOURCE_DIR}/cmake/PackageTidy.cmake)

set(CPACK_DEB_COMPONENT_INSTALL ON)
set(CPACK_DEBIAN_FILE_NAME DEB-DEFAULT)
set(CPACK_DEBIAN_PACKAGE_SHLIBDEPS ON)
set(CPACK_DEBIAN_PACKAGE_GENERATE_SHLIBS ON)
set(CPACK_DEBIAN_PACKAGE_CONTROL_STRICT_PERMISSION ON)
set(CPACK_DEBIAN_PACKAGE_PRIORITY optional)

set(CPACK_DEBIAN_PUSHERD_PACKAGE_NAME pusherd)
set(CPACK_DEBIAN_PUSHERD_PACKAGE_SECTION net)
set(CPACK_DEBIAN_PUSHERD_DESCRIPTION "delivery from Redis to Pusher Channels
Applications push jobs to a Redis list; the daemon delivers them to Pusher
Channels, or to a server that speaks its API, in batches, and writes what
became of each to Redis streams. With it comes pusherctl, a command line.")
set(CPACK_DEBIAN_PUSHERD_PACKAGE_DEPENDS "systemd | systemd-standalone-sysusers | systemd-sysusers")
set(CPACK_DEBIAN_PUSHERD_PACKAGE_RECOMMENDS ca-certificates)
set(CPACK_DEBIAN_PUSHERD_PACKAGE_SUGGESTS "redis-server (>= 5:7.0)")
set(deb ${PROJECT_SOURCE_DIR}/cmake/deb)
set(CPACK_DEBIAN_PUSHERD_PACKAGE_CONTROL_EXTRA ${deb}/postinst ${deb}/prerm ${deb}/postrm ${deb}/conffiles)

set(CPACK_DEBIAN_LIBPUSHER0_PACKAGE_NAME libpusher${PROJECT_VERSION_MAJOR})
set(CPACK_DEBIAN_LIBPUSHER0_PACKAGE_SECTION libs)
set(CPACK_DEBIAN_LIBPUSHER0_DESCRIPTION "server side of Pusher Channels, shared library
Events and batches, end-to-end encryption, signed requests, answers, channel
queries, authorization of browsers, webhooks.")
set(CPACK_DEBIAN_LIBPUSHER0_PACKAGE_CONTROL_EXTRA ${deb}/triggers)

set(CPACK_DEBIAN_LIBPUSHER-DEV_PACKAGE_NAME libpusher-dev)
set(CPACK_DEBIAN_LIBPUSHER-DEV_PACKAGE_SECTION libdevel)
set(CPACK_DEBIAN_LIBPUSHER-DEV_PACKAGE_SHLIBDEPS OFF)
set(CPACK_DEBIAN_LIBPUSHER-DEV_PACKAGE_DEPENDS
    "libpusher${PROJECT_VERSION_MAJOR} (= ${PROJECT_VERSION}), libsodium-dev, libssl-dev, libjansson-dev, libcurl4-openssl-dev | libcurl4-gnutls-dev")
set(CPACK_DEBIAN_LIBPUSHER-DEV_DESCRIPTION "server side of Pusher Channels, development files
Headers, static library, pkg-config file and CMake package of libpusher.")

include(CPack)
