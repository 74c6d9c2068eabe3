use super::*;

const BROKER: &[Class] = &[Class::Broker, Class::Server, Class::Client, Class::Store];

fn settings(text: &str) -> Settings {
    let mut settings = Settings::new(BROKER);
    let entries = properties::parse(text.as_bytes()).unwrap();
    settings.take_entries(entries, Path::new("broker.conf"));
    settings
}

fn warnings(settings: &Settings) -> Vec<&str> {
    let warnings = settings
        .findings()
        .iter()
        .filter(|f| f.severity == Severity::Warning);
    warnings.map(|finding| finding.text.as_str()).collect()
}

#[test]
fn values_are_bound_as_java_binds_them() {
    let settings = settings(
        "listenPort = 30911\nfileReservedTime=48 \nautoCreateTopicEnable=TRUE \nclusterTopicEnable=True\nbrokerName= broker-a \t\n",
    );
    assert_eq!(settings.number::<u16>(Class::Server, "listenPort"), 30911);
    assert_eq!(settings.number::<i32>(Class::Store, "fileReservedTime"), 72);
    assert!(!settings.boolean(Class::Broker, "autoCreateTopicEnable"));
    assert!(settings.boolean(Class::Broker, "clusterTopicEnable"));
    assert_eq!(
        settings.text(Class::Broker, "brokerName").unwrap(),
        "broker-a"
    );
    assert_eq!(settings.text(Class::Broker, "namesrvAddr"), None);
}

#[test]
fn a_value_that_java_would_ignore_is_reported_with_place_and_remedy() {
    let settings = settings("a.b=1\nfileReservedTime=48 \nflushDiskType=SYNC\nlistenPort=many\n");
    assert_eq!(
        warnings(&settings),
        [
            "broker.conf:1: unknown key a.b has no effect",
            "broker.conf:2: fileReservedTime = \"48 \" is ignored, remove the blanks around it; \"72\" stays in force",
            "broker.conf:3: flushDiskType = \"SYNC\" is ignored, expected one of ASYNC_FLUSH, SYNC_FLUSH; \"ASYNC_FLUSH\" stays in force",
            "broker.conf:4: listenPort = \"many\" is ignored, expected a whole number between -2147483648 and 2147483647; \"6888\" stays in force",
        ]
    );
}

#[test]
fn a_truth_value_that_is_none_counts_as_false_and_is_said_to() {
    let settings = settings("autoCreateTopicEnable=yes\n");
    assert_eq!(
        warnings(&settings),
        [
            "broker.conf:1: autoCreateTopicEnable = \"yes\" counts as false, as with Java; expected true or false"
        ]
    );
    assert!(!settings.boolean(Class::Broker, "autoCreateTopicEnable"));
}

#[test]
fn an_unknown_key_names_the_nearest_known_one() {
    assert_eq!(
        warnings(&settings("brokerNmae=x\n")),
        ["broker.conf:1: unknown key brokerNmae has no effect; did you mean brokerName?"]
    );
}

#[test]
fn legacy_spellings_count_unless_the_new_one_is_there() {
    let old = settings("mapedFileSizeCommitLog=1024\n");
    assert_eq!(
        old.number::<i64>(Class::Store, "mappedFileSizeCommitLog"),
        1024
    );
    for text in [
        "mapedFileSizeCommitLog=1\nmappedFileSizeCommitLog=2\n",
        "mappedFileSizeCommitLog=2\nmapedFileSizeCommitLog=1\n",
    ] {
        assert_eq!(
            settings(text).number::<i64>(Class::Store, "mappedFileSizeCommitLog"),
            2
        );
    }
}

#[test]
fn a_flag_beats_the_file_and_the_file_beats_the_environment() {
    let mut all = Settings::new(BROKER);
    all.give("namesrvAddr", "flag:1", Source::Flag("-n"));
    all.give("namesrvAddr", "env:1", Source::Environment("NAMESRV_ADDR"));
    let entries = properties::parse(b"namesrvAddr=file:1\nbrokerIP1=1.2.3.4").unwrap();
    all.take_entries(entries, Path::new("f"));
    assert_eq!(all.text(Class::Broker, "namesrvAddr").unwrap(), "flag:1");
    assert_eq!(all.source("namesrvAddr"), Some(&Source::Flag("-n")));

    let mut two = Settings::new(BROKER);
    two.give("namesrvAddr", "env:1", Source::Environment("NAMESRV_ADDR"));
    assert_eq!(two.text(Class::Broker, "namesrvAddr").unwrap(), "env:1");
    let entries = properties::parse(b"namesrvAddr=file:1").unwrap();
    two.take_entries(entries, Path::new("f"));
    assert_eq!(two.text(Class::Broker, "namesrvAddr").unwrap(), "file:1");
}

#[test]
fn the_comment_at_the_head_of_a_shipped_file_is_one_finding() {
    let text = "<!--\n  Licensed to the ASF\n  The foundation\n -->\nlistenPort=9876\n";
    let settings = settings(text);
    assert!(warnings(&settings).is_empty(), "{:?}", settings.findings());
    assert_eq!(settings.findings().len(), 1);
    assert!(
        settings.findings()[0]
            .text
            .contains("4 lines are not settings")
    );
}

#[test]
fn keys_that_nothing_reads_are_said_to_have_no_effect() {
    let settings = settings("sendMessageThreadPoolNums=16\nenableLmqQuota=true\nlistenPort=1\n");
    settings.number::<i64>(Class::Server, "listenPort");
    let found = settings.without_effect();
    assert_eq!(
        found,
        [
            Finding {
                severity: Severity::Info,
                text: "broker.conf:2: enableLmqQuota has no effect in this version".to_owned()
            },
            Finding {
                severity: Severity::Debug,
                text: "broker.conf:1: sendMessageThreadPoolNums has no meaning here".to_owned()
            },
        ]
    );
}
