/* The Lua scripts, embedded by the build from proto/scripts/. Each file's head says what it does,
 * which keys and arguments it takes and what it gives. They need Redis 7.0. */
#ifndef PROTO_SCRIPTS_H
#define PROTO_SCRIPTS_H

struct lua_script {
    const char *name;
    const char *text;
    const char *sha1; /* hex, for EVALSHA */
};

extern const struct lua_script script_claim, script_settle, script_lease, script_reap,
    script_recover, script_unpark, script_dedupe, script_publish;

/* What operators ask for: pusherctl, and the console of the status server. */
extern const struct lua_script script_replay, script_pause, script_peek, script_fsck;

/* What the daemon uses, and loads. */
#define N_SCRIPTS 8
extern const struct lua_script *const all_scripts[N_SCRIPTS];

#endif
