# What `cmake --install` installs, by component: pusherd here, libpusher0 and libpusher-dev in lib/ (and their page).
#   cmake --install BUILD --component pusherd
# Units name programs below /usr; under another prefix they are installed with that prefix's paths.

install(TARGETS pusherd RUNTIME DESTINATION ${CMAKE_INSTALL_SBINDIR} COMPONENT pusherd)
install(TARGETS pusherctl RUNTIME DESTINATION ${CMAKE_INSTALL_BINDIR} COMPONENT pusherd)
install(FILES docs/man/pusherctl.1 DESTINATION ${CMAKE_INSTALL_MANDIR}/man1 COMPONENT pusherd)
install(FILES docs/man/pusherd.conf.5 DESTINATION ${CMAKE_INSTALL_MANDIR}/man5 COMPONENT pusherd)
install(FILES docs/man/pusherd.8 DESTINATION ${CMAKE_INSTALL_MANDIR}/man8 COMPONENT pusherd)
install(FILES docs/man/libpusher.3 DESTINATION ${CMAKE_INSTALL_MANDIR}/man3 COMPONENT libpusher-dev)
install(FILES examples/grafana/pusherd.json DESTINATION ${CMAKE_INSTALL_DATADIR}/pusherd/grafana COMPONENT pusherd)
install(FILES examples/prometheus/pusherd.rules.yml
        DESTINATION ${CMAKE_INSTALL_DATADIR}/pusherd/prometheus COMPONENT pusherd)
foreach(doc configuration console guarantees metrics operations performance redis security)
    install(FILES docs/${doc}.md DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pusherd COMPONENT pusherd)
endforeach()
install(FILES docs/performance.svg DESTINATION ${CMAKE_INSTALL_DATADIR}/doc/pusherd COMPONENT pusherd)
install(FILES scripts/pusherctl.bash-completion RENAME pusherctl
        DESTINATION ${CMAKE_INSTALL_DATADIR}/bash-completion/completions COMPONENT pusherd)
install(FILES systemd/pusherd.sysusers RENAME pusherd.conf DESTINATION lib/sysusers.d COMPONENT pusherd)
set(sysconfdir ${CMAKE_INSTALL_SYSCONFDIR}) # relative, so that --prefix is followed
if(CMAKE_INSTALL_PREFIX STREQUAL "/usr")
    set(sysconfdir ${CMAKE_INSTALL_FULL_SYSCONFDIR}) # /etc
endif()
install(PROGRAMS systemd/check-reload DESTINATION lib/pusherd COMPONENT pusherd)
install(FILES systemd/pusherd.conf.example DESTINATION ${sysconfdir}/pusherd COMPONENT pusherd)

foreach(unit pusherd.service pusherd@.service)
    file(READ systemd/${unit} text)
    string(REPLACE "/usr/sbin/" "${CMAKE_INSTALL_FULL_SBINDIR}/" text "${text}")
    string(REPLACE "/usr/lib/pusherd/" "${CMAKE_INSTALL_PREFIX}/lib/pusherd/" text "${text}")
    file(CONFIGURE OUTPUT ${PROJECT_BINARY_DIR}/systemd/${unit} CONTENT "${text}" @ONLY)
    install(FILES ${PROJECT_BINARY_DIR}/systemd/${unit} DESTINATION lib/systemd/system COMPONENT pusherd)
    set_property(DIRECTORY APPEND PROPERTY CMAKE_CONFIGURE_DEPENDS systemd/${unit})
endforeach()
