/* empty_filter - a module whose command filter returns at once: the least that any filter costs, to measure ours against.
 *
 * It needs no header: RedisModule_GetApi is the first word of the context that a server passes to a module (redismodule.h of
 * Redis 7.0 to 8.6 and of Valkey 8.0 to 9.1), and every other function is asked for by its name. */

typedef int get_api(const char *name, void *function);
typedef int set_attributes(void *context, const char *name, int version, int api);
typedef void *register_filter(void *context, void (*filter)(void *call), int flags);

static void pass(void *call) { (void)call; }

int RedisModule_OnLoad(void *context, void **arguments, int count) {
    get_api *api = (get_api *)((void **)context)[0];
    set_attributes *set = 0;
    register_filter *filter = 0;
    (void)arguments, (void)count;
    if (api("RedisModule_SetModuleAttribs", &set) || api("RedisModule_RegisterCommandFilter", &filter)) return 1;
    set(context, "emptyfilter", 1, 1);
    return filter(context, pass, 0) ? 0 : 1;
}
