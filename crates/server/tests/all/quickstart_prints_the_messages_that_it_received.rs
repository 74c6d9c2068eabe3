use crate::support::{free_port, run, texts};

#[test]
fn quickstart_prints_the_messages_that_it_received() {
    let (namesrv, broker) = (free_port().to_string(), free_port().to_string());
    let output = run(&[
        "quickstart",
        "--exit",
        "--namesrv-port",
        &namesrv,
        "--broker-port",
        &broker,
    ]);
    let (out, err) = texts(&output);
    assert!(output.status.success(), "{out}{err}");
    for number in 1..=3 {
        let count = |verb: &str| {
            let text = format!("Hello from Ferrocket, message {number}");
            out.lines()
                .filter(|line| line.starts_with(verb) && line.contains(&text))
                .count()
        };
        assert_eq!((count("sent"), count("received")), (1, 1), "{out}");
    }
    let directory = out
        .split("Messages are kept in ")
        .nth(1)
        .unwrap()
        .split(';')
        .next()
        .unwrap();
    assert!(
        !std::path::Path::new(directory).exists(),
        "{directory} was left behind"
    );
}
