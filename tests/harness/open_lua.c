/* A module that puts a `package` into the server's Lua, where scripts find it: the outcome of CVE-2022-0543. It does not
 * load where the server does not export its Lua. Written against the module API and Lua 5.1 by hand. */
#define _GNU_SOURCE
#include <dlfcn.h>
#include <stddef.h>

typedef struct Ctx Ctx;
typedef struct Lua Lua;

enum { GLOBALS = -10002 };

int RedisModule_OnLoad(Ctx *ctx) {
    int (*attributes)(Ctx *, const char *, int, int);
    int (*get_api)(const char *, void *) = (int (*)(const char *, void *))((void **)ctx)[0];
    if (get_api("RedisModule_SetModuleAttribs", &attributes)) return 1;
    attributes(ctx, "openlua", 1, 1);

    /* The first field of the server's `lctx` is its interpreter. */
    Lua **lctx = dlsym(RTLD_DEFAULT, "lctx");
    void (*read_only)(Lua *, int, int) = (void (*)(Lua *, int, int))dlsym(RTLD_DEFAULT, "lua_enablereadonlytable");
    void (*push)(Lua *, const char *) = (void (*)(Lua *, const char *))dlsym(RTLD_DEFAULT, "lua_pushstring");
    void (*table)(Lua *, int, int) = (void (*)(Lua *, int, int))dlsym(RTLD_DEFAULT, "lua_createtable");
    void (*set)(Lua *, int) = (void (*)(Lua *, int))dlsym(RTLD_DEFAULT, "lua_rawset");
    if (lctx == NULL || *lctx == NULL || read_only == NULL || push == NULL || table == NULL || set == NULL) return 1;
    read_only(*lctx, GLOBALS, 0);
    push(*lctx, "package");
    table(*lctx, 0, 0);
    set(*lctx, GLOBALS);
    read_only(*lctx, GLOBALS, 1);
    return 0;
}
