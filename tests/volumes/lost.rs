//! A pod whose process was killed finds its volumes again, and what is made of objects is made anew.

use super::*;

#[test]
fn volumes_outlive_the_process_and_files_are_as_they_should_be_by_then() {
    let host = Host::new();
    around::config_map(&host, "settings", &[("key", "old")]);
    around::secret(&host, "login", &[("pass", "old")]);
    let app = script("app", "echo x >> /data/starts; sleep 100000")
        .mount("data", "/data")
        .mount("config", "/config")
        .mount("login", "/login");
    let pod = volumes(
        pod("web").grace(1).container(app),
        json!([
            {"name": "data", "emptyDir": {}},
            {"name": "config", "configMap": {"name": "settings"}},
            {"name": "login", "secret": {"secretName": "login"}},
        ]),
    );
    apply(&host, &pod);
    ready(&host);
    eventually("it has begun", || {
        (exec(&host, ["cat", "/data/starts"]) == "x\n").then_some(())
    });
    let pid = field(&host, r"{.metadata.annotations.wasmpod\.dev/pid}");
    let pid = nix::unistd::Pid::from_raw(pid.parse().expect("a process"));
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).expect("ours");
    host.run(["wait", "pod/web", "--for=jsonpath={.status.phase}=Failed"])
        .success();
    around::config_map(&host, "settings", &[("key", "new")]);
    around::secret(&host, "login", &[("pass", "new")]);
    host.run(["apply", "-f", "web.yaml"]).success();
    ready(&host);
    eventually("it has begun again", || {
        (exec(&host, ["cat", "/data/starts"]) == "x\nx\n").then_some(())
    });
    assert_eq!(exec(&host, ["cat", "/config/key", "/login/pass"]), "newnew");
    // And they are watched again.
    around::config_map(&host, "settings", &[("key", "newer")]);
    eventually("the change is seen", || {
        (exec(&host, ["cat", "/config/key"]) == "newer").then_some(())
    });
    host.run(["delete", "pod", "web"]).success();
    assert_clean(&host);
}
