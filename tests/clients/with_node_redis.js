// node-redis against a gated server, in RESP2 and RESP3: errors, transactions, pipelines, pub/sub, scripts.
// Called by scripts/clients.sh with the port of a server; prints a line for each thing that holds.
"use strict";
const { createClient, ErrorReply } = require("redis");
const port = Number(process.argv[2]);
let done = 0;

function holds(what, condition) {
    if (!condition) {
        console.error(`node-redis: ${what}: does not hold`);
        process.exit(1);
    }
    done += 1;
    console.log(`    ok  ${what}`);
}

async function refused(call) {
    try {
        const answer = await call();
        holds(`a refused call was answered: ${JSON.stringify(answer)}`, false);
    } catch (error) {
        return error;
    }
}

async function main() {
    for (const RESP of [2, 3]) {
        const client = createClient({ socket: { port, host: "127.0.0.1" }, RESP });
        await client.connect();
        const error = await refused(() => client.flushAll());
        holds(`RESP${RESP}: a refusal is an ErrorReply that names the rule`, error instanceof ErrorReply && error.message.includes("no-flush"));
        await client.set("nk", "v");
        holds(`RESP${RESP}: what is not refused works`, (await client.get("nk")) === "v");
        const aborted = await refused(() => client.multi().set("na", "1").flushAll().exec());
        holds(`RESP${RESP}: a refused call aborts the transaction`, /EXECABORT|no-flush/.test(aborted.message));
        holds(`RESP${RESP}: nothing of it ran`, (await client.exists("na")) === 0);
        const both = await Promise.allSettled([client.set("nc", "1"), client.flushAll(), client.get("nc")]);
        holds(`RESP${RESP}: in a pipeline each call has its own answer`, both[1].status === "rejected" && both[2].value === "1");
        const inside = await refused(() => client.eval("return redis.call('flushall')"));
        holds(`RESP${RESP}: a refused call in a script is an error of the script`, inside.message.includes("no-flush"));
        const listener = client.duplicate();
        await listener.connect();
        const heard = new Promise((resolve) => listener.subscribe("news", resolve));
        await new Promise((resolve) => setTimeout(resolve, 200));
        await client.publish("news", "hello");
        holds(`RESP${RESP}: pub/sub works`, (await heard) === "hello");
        listener.destroy();
        client.destroy();
    }
    console.log(`node-redis ${require("redis/package.json").version}: ${done} things hold`);
}

main().catch((error) => {
    console.error("node-redis:", error);
    process.exit(1);
});
