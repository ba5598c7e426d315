//! What a server is built from: redis.conf, module, policy, files, arguments.

use crate::harness::builder::POLICY_NAME;
use crate::harness::resp::Reply;
use crate::harness::server::Server;
use crate::harness::{module, require, version};
use std::fs;
use std::os::unix::fs::PermissionsExt;

fn setting(server: &Server, name: &str) -> String {
    server.call(["CONFIG", "GET", name]).get(name).text()
}

fn modules(server: &Server) -> Vec<String> {
    server
        .call(["MODULE", "LIST"])
        .items()
        .iter()
        .map(|module| module.get("name").text())
        .collect()
}

fn has_ours(server: &Server) -> bool {
    modules(server).contains(&"secaudit".to_owned())
}

#[test]
fn a_server_listens_on_loopback_only_and_saves_nothing() {
    let server = Server::builder().no_module().start();
    assert_eq!(setting(&server, "bind"), "127.0.0.1");
    assert_eq!(setting(&server, "save"), "");
    assert_eq!(setting(&server, "appendonly"), "no");
    assert_eq!(setting(&server, "protected-mode"), "yes");
    assert_eq!(setting(&server, "requirepass"), "");
    assert_eq!(
        setting(&server, "dir"),
        fs::canonicalize(server.dir()).unwrap().to_string_lossy()
    );
}

#[test]
fn the_shipped_module_is_loaded_unless_told_otherwise() {
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    assert!(has_ours(&Server::start()));
    assert!(!has_ours(&Server::builder().no_module().start()));
    assert!(has_ours(&Server::builder().no_module().module().start()));
}

#[test]
fn a_module_with_features_is_another_file_than_the_shipped_one() {
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    let faulty = module::with_features(&["fault-injection"]);
    assert_ne!(faulty, module::path());
    assert!(
        faulty
            .components()
            .any(|folder| folder.as_os_str() == "fault-injection")
    );
    assert!(has_ours(&Server::builder().module_file(faulty).start()));
}

#[test]
fn a_policy_is_a_private_file_whose_path_the_module_is_given() {
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    let server = Server::builder().policy("mode observe\n").start();
    let path = server.dir().join(POLICY_NAME);
    assert_eq!(fs::read_to_string(&path).unwrap(), "mode observe\n");
    assert_eq!(
        fs::metadata(&path).unwrap().permissions().mode() & 0o777,
        0o600
    );
    let conf = fs::read_to_string(server.conf()).unwrap();
    let line = format!(
        "loadmodule {} {}\n",
        module::path().display(),
        path.display()
    );
    assert!(conf.contains(&line), "{conf}");
}

#[test]
fn a_tests_own_lines_win_over_the_defaults() {
    let builder = Server::builder()
        .no_module()
        .config("save", "900 1")
        .config("loglevel", "verbose");
    let server = builder.config("maxclients", "123").start();
    assert_eq!(setting(&server, "save"), "900 1");
    assert_eq!(setting(&server, "loglevel"), "verbose");
    assert_eq!(setting(&server, "maxclients"), "123");
}

#[test]
fn an_empty_value_is_written_as_an_empty_word() {
    let server = Server::builder()
        .no_module()
        .config("rename-command", "DBSIZE \"\"")
        .config("logfile", "")
        .start();
    assert!(
        server
            .call(["DBSIZE"])
            .error_text()
            .starts_with("ERR unknown command")
    );
    assert!(
        server.log().contains("Ready to accept connections"),
        "the console is part of the log"
    );
}

#[test]
fn a_given_redis_conf_is_kept_but_for_what_keeps_servers_apart() {
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given.conf");
    let text = "port 1\ndaemonize yes\npidfile /no/such/folder/redis.pid\nlogfile /no/such/folder/redis.log\ndir /no/such/folder\n\
                bind 127.0.0.1 127.0.0.2\nmaxclients 123\nloadmodule /no/such/folder/libsecaudit.so module-argument\n";
    fs::write(&given, text).unwrap();
    let server = Server::builder()
        .no_module()
        .conf_file(&given)
        .config("timeout", "77")
        .start();
    assert_ne!(server.port(), 1);
    assert_eq!(setting(&server, "bind"), "127.0.0.1 127.0.0.2");
    assert_eq!(setting(&server, "maxclients"), "123");
    assert_eq!(setting(&server, "timeout"), "77");
    assert_eq!(
        fs::read_to_string(&given).unwrap(),
        text,
        "the given file is untouched"
    );
}

#[test]
fn a_given_redis_conf_that_loads_the_module_loads_the_one_under_test() {
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    let folder = tempfile::tempdir().unwrap();
    let given = folder.path().join("given.conf");
    fs::write(&given, "loadmodule /no/such/folder/libsecaudit.so\n").unwrap();
    let server = Server::builder().conf_file(&given).start();
    assert_eq!(
        modules(&server)
            .iter()
            .filter(|name| *name == "secaudit")
            .count(),
        1
    );
}

#[test]
fn module_arguments_are_quoted_where_they_must_be() {
    let builder = Server::builder().no_module().file("given.conf", "");
    let failure = builder
        .config("loadmodule", "/no/such/libsecaudit.so")
        .expect_refusal();
    assert!(failure.log.contains("/no/such/libsecaudit.so"), "{failure}");
    require!(
        version::under_test().loads_the_module(),
        "this server is below the module's floor"
    );
    // A server that cannot parse the line says so; a module that cannot read the argument says something else.
    match Server::builder()
        .module_args(&["/no/such \"folder\"/a.policy"])
        .try_start()
    {
        Ok(server) => drop(server),
        Err(failure) => assert!(!failure.log.contains("Unbalanced quotes"), "{failure}"),
    }
}

#[test]
fn files_arguments_and_environment_reach_the_server() {
    let builder = Server::builder().no_module().file(
        "users.acl",
        "user default on nopass ~* &* +@all\nuser guest on\n",
    );
    let builder = builder
        .config("aclfile", "users.acl")
        .args(&["--maxclients", "321"]);
    // A process title would be written over the environment that the kernel shows.
    let server = builder
        .config("set-proc-title", "no")
        .env("SECAUDIT_TEST_MARK", "seen")
        .start();
    assert_eq!(server.call(["ACL", "USERS"]).texts(), ["default", "guest"]);
    assert_eq!(setting(&server, "maxclients"), "321");
    let environment = fs::read(format!("/proc/{}/environ", server.pid())).unwrap();
    assert!(String::from_utf8_lossy(&environment).contains("SECAUDIT_TEST_MARK=seen"));
}

#[test]
fn debug_can_be_opened_on_every_server() {
    let server = Server::builder().no_module().allow_debug().start();
    assert!(server.call(["DEBUG", "SLEEP", "0"]).is_ok());
    require!(
        server.version().guards_the_debug_command(),
        "this server does not guard DEBUG"
    );
    assert!(
        Server::builder()
            .no_module()
            .start()
            .call(["DEBUG", "SLEEP", "0"])
            .is_error()
    );
}

#[test]
fn a_server_without_a_port_is_reached_over_its_socket() {
    let server = Server::builder().no_module().config("port", "0").start();
    assert_eq!(
        (server.port(), server.call(["PING"])),
        (0, Reply::Simple(b"PONG".to_vec()))
    );
    assert_eq!(crate::harness::cli::run(&server, ["PING"]).text(), "PONG\n");
}

#[test]
fn a_server_without_a_socket_is_reached_over_its_port() {
    let server = Server::builder()
        .no_module()
        .config("unixsocket", "")
        .start();
    assert_eq!(server.call(["PING"]).text(), "PONG");
}

#[test]
fn a_cluster_node_has_a_bus_port_that_exists() {
    // Without a port of its own, the bus is at the port + 10000: for many ports that is no port at all.
    for _ in 0..3 {
        let server = Server::builder()
            .no_module()
            .config("cluster-enabled", "yes")
            .start();
        assert_eq!(server.info("cluster")["cluster_enabled"], "1");
    }
}

#[test]
fn a_sentinel_is_a_server_with_one_argument_more() {
    let server = Server::builder().no_module().args(&["--sentinel"]).start();
    assert_eq!(server.call(["ROLE"]).items()[0].text(), "sentinel");
}
