//! The order of plugins, and who is asked.

use std::sync::Mutex;

use super::*;
use crate::endpoint::testing::flunders;
use crate::object::Object;
use crate::request::{RequestInfo, User, Verb};
use crate::resource::Policy;

#[derive(Clone)]
struct Plugin {
    name: &'static str,
    operation: Operation,
    refuses: bool,
    said: Arc<Mutex<Vec<String>>>,
}

impl Plugin {
    fn say(&self, what: &str) {
        self.said.lock().unwrap().push(format!("{} {what}", self.name));
    }
}

#[async_trait]
impl Admission for Plugin {
    fn handles(&self, operation: Operation) -> bool {
        operation == self.operation
    }

    async fn admit(&self, attributes: &mut Attributes<'_>) -> Result<(), ApiError> {
        self.say("admits");
        if self.refuses {
            return Err(attributes.forbidden(self.name));
        }
        if let Some(object) = attributes.object_mut() {
            let seen = object.meta("seen").to_owned();
            object.set_meta("seen", &format!("{seen}{}", self.name));
        }
        Ok(())
    }

    async fn validate(&self, attributes: &Attributes<'_>) -> Result<(), ApiError> {
        let seen = attributes.object().map(|object| object.meta("seen").to_owned());
        self.say(&format!("validates {}", seen.unwrap_or_default()));
        Ok(())
    }
}

fn info() -> RequestInfo {
    RequestInfo {
        is_resource: true,
        path_verb: None,
        verb: Verb::Create,
        path: String::new(),
        method: String::new(),
        group: String::new(),
        version: String::new(),
        namespace: String::new(),
        resource: String::new(),
        subresource: String::new(),
        subpath: String::new(),
        name: String::new(),
        label_selector: String::new(),
        field_selector: String::new(),
    }
}

#[tokio::test]
async fn plugins_are_asked_in_order_about_what_they_handle() {
    let said = Arc::new(Mutex::new(Vec::new()));
    let plugin = |name, operation| Plugin {
        name,
        operation,
        refuses: false,
        said: said.clone(),
    };
    let chain = Chain::new(vec![
        Arc::new(plugin("a", Operation::Create)),
        Arc::new(plugin("b", Operation::Delete)),
    ])
    .then(Arc::new(plugin("c", Operation::Create)));
    assert!(chain.handles(Operation::Create) && !chain.handles(Operation::Update));
    let (resource, info, user) = (flunders(Policy::default()), info(), User::anonymous());
    let mut object = Object::default();
    let mut attributes = Attributes::new(Operation::Create, &resource, &info, &user)
        .of_name("", "x")
        .of_object(Some(&mut object));
    chain.admit(&mut attributes).await.unwrap();
    chain.validate(&attributes).await.unwrap();
    assert_eq!(
        said.lock().unwrap().split_off(0),
        ["a admits", "c admits", "a validates ac", "c validates ac"]
    );
    let refuses = Plugin {
        refuses: true,
        ..plugin("r", Operation::Create)
    };
    let chain = Chain::new(vec![Arc::new(refuses), Arc::new(plugin("d", Operation::Create))]);
    let error = chain.admit(&mut attributes).await.unwrap_err();
    assert_eq!(
        error.status().message,
        r#"flunders.wardle.example.com "x" is forbidden: r"#
    );
    assert_eq!(
        *said.lock().unwrap(),
        ["r admits"],
        "nobody is asked after a refusal"
    );
}
