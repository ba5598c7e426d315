// ioredis against a gated server: errors, transactions, pipelines, pub/sub, scripts, a Cluster.
// Called by scripts/clients.sh with the port of a server and of a Cluster's node; prints a line for each thing that holds.
"use strict";
const Redis = require("ioredis");
const [port, clusterPort] = process.argv.slice(2, 4).map(Number);
let done = 0;

function holds(what, condition) {
    if (!condition) {
        console.error(`ioredis: ${what}: does not hold`);
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
    const client = new Redis(port, "127.0.0.1");
    const error = await refused(() => client.flushall());
    holds("a refusal is a ReplyError that names the rule", error.name === "ReplyError" && error.message.includes("no-flush"));
    holds("what is not refused works", (await client.set("k", "v")) === "OK" && (await client.get("k")) === "v");
    holds("a renamed command by its new name", (await client.call("cfg-71c2", "GET", "port"))[0] === "port");

    const aborted = await refused(() => client.multi().set("ia", 1).flushall().set("ib", 2).exec());
    holds("a refused call aborts the transaction", aborted.message.startsWith("EXECABORT"));
    holds("and names it", aborted.previousErrors.some((one) => one.message.includes("no-flush")));
    holds("nothing of the transaction ran", (await client.exists("ia", "ib")) === 0);
    holds("the connection goes on", (await client.multi().set("ia", 1).get("ia").exec())[1][1] === "1");

    const answers = await client.pipeline().set("ic", 1).flushall().get("ic").exec();
    holds("in a pipeline each call has its own answer", answers[0][1] === "OK" && answers[1][0].message.includes("no-flush") && answers[2][1] === "1");

    client.defineCommand("readit", { numberOfKeys: 1, lua: "return redis.call('get', KEYS[1])" });
    holds("a script runs (EVALSHA, then EVAL)", (await client.readit("ic")) === "1");
    const inside = await refused(() => client.eval("return redis.call('flushall')", 0));
    holds("a refused call in a script is an error of the script", inside.message.includes("no-flush"));

    const listener = new Redis(port, "127.0.0.1");
    await listener.subscribe("news");
    const heard = new Promise((resolve) => listener.on("message", (_, text) => resolve(text)));
    await client.publish("news", "hello");
    holds("pub/sub works", (await heard) === "hello");
    const secret = await refused(() => listener.subscribe("secret"));
    holds("a refused SUBSCRIBE is an error on the subscriber's connection", secret.message.includes("no-secret"));
    listener.disconnect();
    client.disconnect();

    const cluster = new Redis.Cluster([{ host: "127.0.0.1", port: clusterPort }]);
    for (let number = 0; number < 50; number++) await cluster.set(`i${number}`, number);
    holds("Cluster: keys go to their nodes", (await cluster.get("i49")) === "49");
    const key = await refused(() => cluster.set("forbidden:1", "v"));
    holds("Cluster: a call with a key is refused on its node", key.message.includes("by-key"));
    cluster.disconnect();
    console.log(`ioredis ${require("ioredis/package.json").version}: ${done} things hold`);
}

main().catch((error) => {
    console.error("ioredis:", error);
    process.exit(1);
});
