/* A module of someone else's: OTHER.FLUSH calls FLUSHALL, OTHER.BECOME makes its caller the user "app", OTHER.SECRET tells what
 * the nodes of a Redis 8 Cluster sign in to each other with, OTHER.HOLD works for a second and yields now and then, OTHER.PUT
 * writes and is replicated though its flags do not say so. Written against the module API by hand. */
#include <stddef.h>
#include <time.h>

typedef struct Ctx Ctx;
typedef struct Str Str;
typedef int (*Command)(Ctx *, Str **, int);

static int (*get_api)(const char *, void *);
static int (*reply_long)(Ctx *, long long);
static int (*reply_error)(Ctx *, const char *);
static void *(*call)(Ctx *, const char *, const char *, ...);
static int (*type_of)(void *);
static int (*reply_text)(Ctx *, const char *, size_t);
static const char *(*get_secret)(Ctx *, size_t *);
static int (*become_user)(Ctx *, const char *, size_t, void *, void *, void *);
static void (*yield)(Ctx *, int, const char *);
static int (*replicate)(Ctx *);

static int flush(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    (void)argc;
    void *reply = call(ctx, "FLUSHALL", "");
    int refused = reply == NULL || type_of(reply) == 1; /* REDISMODULE_REPLY_ERROR */
    return refused ? reply_error(ctx, "ERR the call was refused") : reply_long(ctx, 1);
}

static int become(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    (void)argc;
    return become_user(ctx, "app", 3, NULL, NULL, NULL) ? reply_error(ctx, "ERR no such user") : reply_long(ctx, 1);
}

static int secret(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    (void)argc;
    size_t length = 0;
    const char *text = get_secret ? get_secret(ctx, &length) : NULL;
    return text ? reply_text(ctx, text, length) : reply_error(ctx, "ERR this server has no such secret");
}

static int put(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    (void)argc;
    call(ctx, "SET", "cc", "put", "1");
    replicate(ctx);
    return reply_long(ctx, 1);
}

static long long milliseconds(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000LL + now.tv_nsec / 1000000;
}

static int hold(Ctx *ctx, Str **argv, int argc) {
    (void)argv;
    (void)argc;
    long long end = milliseconds() + 1000;
    while (milliseconds() < end) yield(ctx, 1, NULL); /* REDISMODULE_YIELD_FLAG_NONE: clients are kept waiting. */
    return reply_long(ctx, 1);
}

int RedisModule_OnLoad(Ctx *ctx) {
    int (*attributes)(Ctx *, const char *, int, int);
    int (*create)(Ctx *, const char *, Command, const char *, int, int, int);
    void *(*get)(Ctx *, const char *) = NULL;
    int (*categories)(void *, const char *) = NULL;

    get_api = (int (*)(const char *, void *))((void **)ctx)[0];
    if (get_api("RedisModule_SetModuleAttribs", &attributes) || get_api("RedisModule_CreateCommand", &create) ||
        get_api("RedisModule_Call", &call) || get_api("RedisModule_ReplyWithLongLong", &reply_long) ||
        get_api("RedisModule_ReplyWithError", &reply_error) || get_api("RedisModule_CallReplyType", &type_of) ||
        get_api("RedisModule_AuthenticateClientWithACLUser", &become_user) || get_api("RedisModule_Yield", &yield) ||
        get_api("RedisModule_ReplyWithStringBuffer", &reply_text) || get_api("RedisModule_ReplicateVerbatim", &replicate))
        return 1;
    attributes(ctx, "other", 1, 1);
    if (create(ctx, "other.flush", flush, "write", 0, 0, 0)) return 1;
    if (create(ctx, "other.become", become, "", 0, 0, 0)) return 1;
    if (create(ctx, "other.secret", secret, "", 0, 0, 0)) return 1;
    if (create(ctx, "other.hold", hold, "", 0, 0, 0)) return 1;
    if (create(ctx, "other.put", put, "", 0, 0, 0)) return 1;
    if (get_api("RedisModule_GetInternalSecret", &get_secret)) get_secret = NULL;
    /* From Redis 7.2 and Valkey 7.2 on. */
    if (!get_api("RedisModule_GetCommand", &get) && !get_api("RedisModule_SetCommandACLCategories", &categories))
        categories(get(ctx, "other.flush"), "dangerous");
    return 0;
}
