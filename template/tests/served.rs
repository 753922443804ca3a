//! The whole server, on loopback, as a client of Kubernetes sees it.

use annex_apiserver::config::Config;
use greeter::greetings::{Greeting, GreetingSpec};
use kube::api::{Patch, PatchParams, PostParams};
use kube::config::{KubeConfigOptions, Kubeconfig};
use kube::{Api, Client};

fn greeting(name: &str, whom: &str) -> Greeting {
    Greeting {
        metadata: kube::core::ObjectMeta {
            name: Some(name.to_owned()),
            ..Default::default()
        },
        spec: GreetingSpec {
            whom: whom.to_owned(),
            text: String::new(),
        },
        status: None,
    }
}

#[tokio::test]
async fn a_greeting_is_completed_checked_and_reported_on() {
    let directory = tempfile::tempdir().expect("there is a temporary directory");
    let running = greeter::server()
        .start(Config::for_tests(directory.path()))
        .await
        .expect("the server starts");
    running.ready().await;
    let kubeconfig =
        Kubeconfig::read_from(directory.path().join("kubeconfig")).expect("there is a kubeconfig");
    let config = kube::Config::from_custom_kubeconfig(kubeconfig, &KubeConfigOptions::default())
        .await
        .expect("it is understood");
    let client = Client::try_from(config).expect("there is a client");
    let greetings: Api<Greeting> = Api::namespaced(client, "default");

    let created = greetings
        .create(&PostParams::default(), &greeting("first", "world"))
        .await
        .expect("it is created");
    assert_eq!(created.spec.text, "hello");

    let refused = greetings
        .create(&PostParams::default(), &greeting("second", ""))
        .await
        .expect_err("nobody is greeted");
    assert!(
        refused
            .to_string()
            .contains("spec.whom: Required value: somebody must be greeted"),
        "{refused}"
    );

    let said = Patch::Merge(serde_json::json!({"status": {"said": 1}}));
    let patched = greetings
        .patch_status("first", &PatchParams::default(), &said)
        .await
        .expect("the status is written");
    assert_eq!(patched.status.map(|status| status.said), Some(1));
    running.shutdown().await;
}
