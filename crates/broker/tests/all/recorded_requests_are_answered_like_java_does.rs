use std::collections::BTreeSet;

use ferrocket_protocol::bodies::{self, SubscriptionGroupConfig};
use ferrocket_protocol::codes::request;
use ferrocket_protocol::frame::{Frame, NoHeader};
use ferrocket_protocol::message::properties;

use ferrocket_store::FlushMode;

use crate::recordings::{Recording, SERVED, recordings};
use crate::support::*;

/// The codes that a broker answers from the state that the recording had and this test has not.
fn depends_on_state(recording: &Recording, recorded: &Frame) -> bool {
    // A loaded machine, users and permissions, SQL92, resets by an operator, old offsets.
    recorded.code == 2
        || remark(recorded).starts_with("User:")
        || ["username cannot be null.", "check signature failed."].contains(&remark(recorded))
        || remark(recorded) == "OFFSET_RESET"
        || remark(recorded) == "NO_MATCHED_MESSAGE"
        || remark(recorded).contains("ParseException")
        || remark(recorded).contains("NullPointerException")
        || field(&recording.request, "expressionType") == "SQL92"
        || field(&recording.request, "topic").starts_with("%LMQ%")
}

fn field(frame: &Frame, name: &str) -> String {
    frame
        .ext_field(name)
        .map(|text| text.into_owned())
        .unwrap_or_default()
}

/// What this broker refuses until it has timed messages, transactions and inner batches.
fn is_refused_for_now(recording: &Recording) -> bool {
    let text = field(&recording.request, "i") + &field(&recording.request, "properties");
    let delayed = [
        "TIMER_DELAY_SEC",
        "TIMER_DELAY_MS",
        "TIMER_DELIVER_MS",
        "TRAN_MSG",
    ]
    .iter()
    .any(|name| properties::find(text.as_bytes(), name).is_some());
    let inner_batch = recording
        .response
        .as_ref()
        .is_some_and(|recorded| recorded.ext_field("batchUniqId").is_some());
    delayed || inner_batch
}

/// A broker on which the recorded request meets what it met when it was recorded, as far as the
/// answer shows it.
fn world_of(recording: &Recording) -> World {
    let recorded = recording.response.as_ref();
    let code = recorded.map_or(0, |recorded| recorded.code);
    let mut settings = config();
    settings.enable_property_filter = true;
    settings.auto_create_topic_enable = code != 17;
    settings.auto_create_subscription_group = code != 26;
    let mut store_settings = store_config(FlushMode::Async);
    if recorded.is_some_and(|recorded| remark(recorded).contains("limit 2048B")) {
        store_settings.body_bytes_max = 2_048;
    }
    let world = World::with(settings, store_settings);
    if code == 0 {
        *world.around.next_config.lock() = Some(config());
    }
    let topic = field(&recording.request, "topic") + &field(&recording.request, "b");
    let group = field(&recording.request, "consumerGroup") + &field(&recording.request, "group");
    if code != 17 && !topic.is_empty() {
        let perm = if topic == "GoldenNoRead" { 2 } else { 6 };
        let body = format!(
            r#"{{"topicConfigList":[{{"topicName":"{topic}","readQueueNums":8,"writeQueueNums":8,"perm":{perm}}}]}}"#
        );
        world.connect().call(
            request::UPDATE_AND_CREATE_TOPIC_LIST,
            &NoHeader {},
            body.as_bytes(),
        );
    }
    if code != 26 && !group.is_empty() {
        let config = SubscriptionGroupConfig {
            consume_enable: group != "golden_disabled",
            group_name: group,
            ..SubscriptionGroupConfig::default()
        };
        let body = bodies::print(&config);
        world.connect().call(
            request::UPDATE_AND_CREATE_SUBSCRIPTIONGROUP,
            &NoHeader {},
            &body,
        );
    }
    world
}

#[test]
fn none_is_left_without_an_answer() {
    let recordings = recordings(&SERVED);
    assert!(recordings.len() > 300, "{}", recordings.len());
    for recording in recordings {
        let world = world_of(&recording);
        let client = world.connect();
        let answers = client.read(vec![recording.request.clone()]);
        let waits = [11, 361].contains(&recording.code) && answers.is_empty();
        if waits {
            world.pass(300_000);
        }
        let count = answers.len() + client.received().iter().filter(|f| f.is_response()).count();
        let expected = usize::from(!recording.request.is_oneway());
        assert_eq!(count, expected, "{}", recording.name);
    }
}

#[test]
fn with_the_same_code_and_fields_where_the_state_allows() {
    let mut compared = 0;
    let mut wrong = Vec::new();
    for recording in recordings(&SERVED) {
        let Some(recorded) = &recording.response else {
            continue;
        };
        // Pulls, lookups and offsets answer from what is stored: other tests look at those.
        let from_store = [
            11, 12, 361, 14, 15, 33, 36, 38, 203, 204, 222, 223, 307, 309, 321,
        ]
        .contains(&recording.code);
        let refused = from_store && [16, 17, 22, 26, 29, 206].contains(&recorded.code);
        // The recorded group had offsets.
        let offline = recording.code == 222 && recorded.code == 206;
        if offline || depends_on_state(&recording, recorded) || (from_store && !refused) {
            continue;
        }
        if is_refused_for_now(&recording) && recorded.code == 0 {
            continue;
        }
        let world = world_of(&recording);
        let answers = world.connect().read(vec![recording.request.clone()]);
        let Some(answer) = answers.first() else {
            wrong.push(format!(
                "{}: no answer, recorded {}",
                recording.name, recorded.code
            ));
            continue;
        };
        compared += 1;
        let fields = |frame: &Frame| -> BTreeSet<String> {
            frame
                .ext()
                .iter()
                .map(|(name, _)| name.into_owned())
                .collect()
        };
        if answer.code != recorded.code || fields(answer) != fields(recorded) {
            wrong.push(format!(
                "{}: {} {:?} {:?}, recorded {} {:?} {:?}",
                recording.name,
                answer.code,
                answer.remark,
                fields(answer),
                recorded.code,
                recorded.remark,
                fields(recorded)
            ));
        }
    }
    assert!(
        wrong.is_empty(),
        "{} of {compared}:\n{}",
        wrong.len(),
        wrong.join("\n")
    );
    assert!(compared > 150, "{compared}");
}
