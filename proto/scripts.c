#include "proto/scripts.h"

#define SCRIPT(script)                                                                             \
    extern const char embedded_##script##_lua[], embedded_##script##_lua_sha1[];                   \
    const struct lua_script script_##script = {#script, embedded_##script##_lua,                   \
                                               embedded_##script##_lua_sha1}

SCRIPT(claim);
SCRIPT(settle);
SCRIPT(lease);
SCRIPT(reap);
SCRIPT(recover);
SCRIPT(unpark);
SCRIPT(dedupe);
SCRIPT(publish);

/* For operators. */
SCRIPT(replay);
SCRIPT(pause);
SCRIPT(peek);
SCRIPT(fsck);

const struct lua_script *const all_scripts[N_SCRIPTS] = {
    &script_claim,   &script_settle, &script_lease,  &script_reap,
    &script_recover, &script_unpark, &script_dedupe, &script_publish,
};
