//! What a server checks before it starts and before it takes an update over the network: Java's
//! checks in Java's order, with its texts and exit codes; ranges; and the modes that this version
//! does not have, which are refused rather than ignored.

use super::catalog::Class;
use super::settings::Settings;
use crate::failure::{EXIT_INIT, EXIT_MODES, Failure};

/// Elements of a `;`-separated address list.
pub(crate) fn addresses(list: &str) -> Vec<String> {
    list.split(';')
        .map(str::trim)
        .filter(|a| !a.is_empty())
        .map(str::to_owned)
        .collect()
}

/// The configuration of a broker is one that can run here.
pub(crate) fn broker(settings: &mut Settings) -> Result<(), Failure> {
    name_servers(settings)?;
    role(settings)?;
    unsupported(settings)?;
    in_range(settings)
}

/// The configuration of a name server is one that can run here.
pub(crate) fn namesrv(settings: &mut Settings) -> Result<(), Failure> {
    in_range(settings)
}

fn in_range(settings: &Settings) -> Result<(), Failure> {
    let refused = settings.out_of_range();
    match refused.first() {
        Some(text) => Err(Failure::new(EXIT_INIT, text)),
        None => Ok(()),
    }
}

fn name_servers(settings: &Settings) -> Result<(), Failure> {
    let Some(list) = settings.text(Class::Broker, "namesrvAddr") else {
        return Ok(());
    };
    let legal = |address: &str| {
        address
            .rsplit_once(':')
            .is_some_and(|(host, port)| !host.is_empty() && port.parse::<u16>().is_ok())
    };
    if list.trim().is_empty() || list.split(';').map(str::trim).all(legal) {
        return Ok(());
    }
    Err(Failure::on_stdout(
        EXIT_INIT,
        format!(
            "The Name Server Address[{list}] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"\n"
        ),
    ))
}

fn role(settings: &mut Settings) -> Result<(), Failure> {
    let controller = settings.boolean(Class::Broker, "enableControllerMode");
    let dledger = settings.boolean(Class::Store, "enableDLegerCommitLog");
    let role = settings
        .text(Class::Store, "brokerRole")
        .unwrap_or_default();
    let id: i64 = settings.number(Class::Broker, "brokerId");
    if !controller {
        if role == "SLAVE" && id <= 0 {
            return Err(Failure::on_stdout(
                EXIT_INIT,
                "Slave's brokerId must be > 0\n",
            ));
        }
        if role == "SYNC_MASTER" {
            settings.warn(
                "brokerRole = SYNC_MASTER runs as a lone master: there is no replication in this version, so no message waits for a slave or reaches one".to_owned(),
            );
        }
        if role != "SLAVE" && id != 0 {
            settings.warn(format!(
                "brokerId = {id} is taken as 0, because brokerRole is {role}"
            ));
            settings.overrule("brokerId", "0");
        }
    }
    if controller && dledger {
        return Err(Failure::on_stdout(
            EXIT_MODES,
            "The config enableControllerMode and enableDLegerCommitLog cannot both be true.\n",
        ));
    }
    Ok(())
}

/// Starting as something else than was asked for could lose messages or split a group.
fn unsupported(settings: &Settings) -> Result<(), Failure> {
    let refuse = |what: &str, instead: &str| {
        Err(Failure::new(
            EXIT_INIT,
            format!("{what} is not part of this version; {instead}"),
        ))
    };
    let store_type = settings.text(Class::Store, "storeType").unwrap_or_default();
    if settings.boolean(Class::Broker, "enableControllerMode") {
        return refuse(
            "enableControllerMode=true",
            "remove it to run a single master",
        );
    }
    if settings.boolean(Class::Store, "enableDLegerCommitLog") {
        return refuse(
            "enableDLegerCommitLog=true",
            "its log cannot be read here, use another store",
        );
    }
    if settings.text(Class::Store, "brokerRole").as_deref() == Some("SLAVE") {
        return refuse("brokerRole=SLAVE", "keep the Java slave, or start a master");
    }
    if store_type != "default" {
        return refuse(
            &format!("storeType={store_type}"),
            "only storeType=default is",
        );
    }
    let replicas: i32 = settings.number(Class::Store, "inSyncReplicas");
    if replicas > 1 {
        return refuse(
            &format!("inSyncReplicas={replicas}"),
            "there is no replication yet, use 1",
        );
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;
    use crate::config::bind::BROKER_CLASSES;
    use crate::config::properties;

    fn checked(text: &str) -> Result<Settings, Failure> {
        let mut settings = Settings::new(BROKER_CLASSES);
        settings.take_entries(properties::parse(text.as_bytes()).unwrap(), Path::new("f"));
        broker(&mut settings).map(|()| settings)
    }

    fn refused(text: &str) -> (u8, String) {
        let failure = checked(text).unwrap_err();
        (failure.code, failure.stdout + &failure.stderr)
    }

    #[test]
    fn the_refusals_of_java() {
        assert_eq!(
            refused("namesrvAddr=nonsense"),
            (253, "The Name Server Address[nonsense] illegal, please set it as follows, \"127.0.0.1:9876;192.168.0.1:9876\"\n".to_owned())
        );
        assert_eq!(
            refused("brokerRole=SLAVE"),
            (253, "Slave's brokerId must be > 0\n".to_owned())
        );
        assert_eq!(
            refused("enableControllerMode=true\nenableDLegerCommitLog=true"),
            (
                252,
                "The config enableControllerMode and enableDLegerCommitLog cannot both be true.\n"
                    .to_owned()
            )
        );
    }

    #[test]
    fn modes_that_are_not_there_are_refused() {
        for text in [
            "brokerRole=SLAVE\nbrokerId=1",
            "enableControllerMode=true",
            "enableDLegerCommitLog=true",
            "storeType=defaultRocksDB",
            "inSyncReplicas=2",
        ] {
            let (code, line) = refused(text);
            assert_eq!(code, 253, "{text}");
            assert!(line.contains("is not part of this version; "), "{line}");
            assert_eq!(line.lines().count(), 1);
        }
    }

    #[test]
    fn a_synchronous_master_without_a_slave_is_said_to_be_alone() {
        let settings = checked("brokerRole=SYNC_MASTER").unwrap();
        let said = settings.findings().iter().any(|f| {
            f.severity == crate::config::settings::Severity::Warning
                && f.text.contains("runs as a lone master")
        });
        assert!(said, "{:?}", settings.findings());
    }

    #[test]
    fn a_master_has_the_id_0_whatever_the_file_says() {
        let settings = checked("brokerId=3\n").unwrap();
        assert_eq!(settings.number::<i64>(Class::Broker, "brokerId"), 0);
        assert!(checked("namesrvAddr=a:1;b.example:9876; c:2 ").is_ok());
    }
}
