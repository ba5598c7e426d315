"""redis-py against a gated server: typed errors, transactions, pipelines, pub/sub, scripts, RESP3, a Cluster.

Called by scripts/clients.sh with the port of a server and of a Cluster's node; prints a line for each thing that holds.
"""

import sys

import redis
from redis.cluster import RedisCluster

PORT, CLUSTER_PORT = int(sys.argv[1]), int(sys.argv[2])
TELLS_WHO_CALLS = sys.argv[3] == "yes"
done = 0


def holds(what, condition):
    global done
    if not condition:
        sys.exit(f"redis-py: {what}: does not hold")
    done += 1
    print(f"    ok  {what}")


def refused(call):
    """The error of a call that must be refused."""
    try:
        answer = call()
    except redis.exceptions.ResponseError as error:
        return error
    sys.exit(f"redis-py: a refused call was answered: {answer!r}")


for protocol in (2, 3):
    client = redis.Redis(port=PORT, protocol=protocol)
    error = refused(client.flushall)
    if TELLS_WHO_CALLS:
        holds(f"RESP{protocol}: a refusal is a NoPermissionError that names the rule",
              isinstance(error, redis.exceptions.NoPermissionError) and "no-flush" in str(error))
    else:
        holds(f"RESP{protocol}: a refusal is a ResponseError that names the rule", "no-flush" in str(error))
    holds(f"RESP{protocol}: what is not refused works", client.set("k", "v") and client.get("k") == b"v")
    holds(f"RESP{protocol}: a refusal by argument", "by-key" in str(refused(lambda: client.set("forbidden:1", "v"))))
    holds(f"RESP{protocol}: a renamed command by its new name", client.execute_command("cfg-71c2", "GET", "port")[0 if protocol == 2 else b"port"])
    holds(f"RESP{protocol}: and not by its old one", "unknown command" in str(refused(client.config_get)))

client = redis.Redis(port=PORT, protocol=3)

transaction = client.pipeline(transaction=True).set("a", 1).flushall().set("b", 2)
error = refused(transaction.execute)
holds("a refused call aborts the transaction, and the error names it", "FLUSHALL" in str(error).upper())
holds("nothing of the transaction ran", client.exists("a", "b") == 0)
holds("the connection goes on", client.pipeline(transaction=True).set("a", 1).get("a").execute()[1] == b"1")

answers = client.pipeline(transaction=False).set("c", 1).flushall().get("c").execute(raise_on_error=False)
holds("in a pipeline each call has its own answer", answers[0] and isinstance(answers[1], redis.exceptions.ResponseError) and answers[2] == b"1")

script = client.register_script("return redis.call('get', KEYS[1])")
holds("a script runs", script(keys=["c"]) == b"1")
holds("a refused call in a script is an error of the script", "no-flush" in str(refused(lambda: client.eval("return redis.call('flushall')", 0))))
holds("which the script can catch", b"no-flush" in client.eval("local e = redis.pcall('flushall') return e.err", 0))

listener = client.pubsub()
listener.subscribe("news")
listener.get_message(timeout=5)
client.publish("news", "hello")
message = listener.get_message(ignore_subscribe_messages=True, timeout=5)
holds("pub/sub works", message and message["data"] == b"hello")
listener.subscribe("secret")
message = None
try:
    message = listener.get_message(timeout=5)
except redis.exceptions.ResponseError as error:
    message = error
holds("a refused SUBSCRIBE is an error on the subscriber's connection", "no-secret" in str(message))
listener.close()

holds("INFO is parsed", client.info("secaudit")["secaudit_calls_denied"] > 0)
holds("SECGATE LOG JSON is a string", client.execute_command("SECGATE", "LOG", "JSON").startswith(b"["))
holds("SECAUDIT is a list of lines", len(client.execute_command("SECAUDIT")) > 20)

cluster = RedisCluster(host="127.0.0.1", port=CLUSTER_PORT)
for number in range(50):
    cluster.set(f"k{number}", number)
holds("Cluster: keys go to their nodes", all(cluster.get(f"k{number}") == str(number).encode() for number in range(50)))
holds("Cluster: a call with a key is refused on its node", "by-key" in str(refused(lambda: cluster.set("forbidden:1", "v"))))
holds("Cluster: a call for all nodes is refused", "no-flush" in str(refused(lambda: cluster.flushall(target_nodes=RedisCluster.ALL_NODES))))
sums = cluster.execute_command("SECGATE", "MODE", target_nodes=cluster.get_nodes())
holds("Cluster: SECGATE can be asked of every node", len(sums) >= 3 if isinstance(sums, dict) else bool(sums))
print(f"redis-py {redis.__version__}: {done} things hold")
