//! What is taken away is gone from the next request on, also for what was handed out before; and
//! what is not touched goes on.

use std::collections::BTreeSet;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use crate::site::{ALICE, ALICE_LATER, BOSS, BY_ITSELF, INDEX, Site, htpasswd, said, within};
use rustix::process::Signal;

const FIXED: &str = "data_dir = '{dir}/data'\n\
                     auth.htpasswd = '{dir}/htpasswd'\n\
                     auth.groups = '{dir}/groups'\n";
const RULES: &str = "[groups]\nteam = ['alice']\n\
                     [[access]]\nrepos = ['**']\nwho = ['user:boss']\n\
                     allow = ['pull', 'push', 'overwrite', 'delete']\n\
                     [[access]]\nrepos = ['by-table/**']\nwho = ['group:team']\nallow = ['pull']\n\
                     [[access]]\nrepos = ['by-file/**']\nwho = ['group:crew']\nallow = ['pull']\n\
                     [[access]]\nrepos = ['by-any/**']\nwho = ['authenticated']\nallow = ['pull']\n\
                     [[access]]\nrepos = ['by-name/**']\nwho = ['user:alice']\nallow = ['pull']\n";

fn settings(scheme: &str) -> String {
    format!("{FIXED}auth.scheme = '{scheme}'\n{RULES}")
}

/// Something that is taken away from Alice.
struct Revoked {
    what: &'static str,
    repo: &'static str,
    file: &'static str,
    /// The file before and after.
    texts: fn(&str) -> (String, String),
    /// Whether she cannot even log in any more as she did.
    is_out: bool,
}

const REVOKED: [Revoked; 5] = [
    Revoked {
        what: "the user",
        repo: "by-any/a",
        file: "htpasswd",
        texts: |_| (htpasswd(&[ALICE, BOSS]), htpasswd(&[BOSS])),
        is_out: true,
    },
    Revoked {
        what: "the password",
        repo: "by-any/a",
        file: "htpasswd",
        texts: |_| (htpasswd(&[ALICE, BOSS]), htpasswd(&[ALICE_LATER, BOSS])),
        is_out: true,
    },
    Revoked {
        what: "the membership, in the configuration",
        repo: "by-table/a",
        file: "config.toml",
        texts: |scheme| {
            let text = settings(scheme);
            let without = text.replace("team = ['alice']", "team = []");
            (text, without)
        },
        is_out: false,
    },
    Revoked {
        what: "the membership, in the file of groups",
        repo: "by-file/a",
        file: "groups",
        texts: |_| ("crew: alice\n".to_owned(), "crew: bob\n".to_owned()),
        is_out: false,
    },
    Revoked {
        what: "the rule",
        repo: "by-name/a",
        file: "config.toml",
        texts: |scheme| {
            let text = settings(scheme);
            let (without, _) = text.rsplit_once("[[access]]").unwrap();
            (text.clone(), without.to_owned())
        },
        is_out: false,
    },
];

impl Revoked {
    /// Takes it away and looks whether it is gone, both told and untold.
    fn hold(&self, site: &Site, scheme: &str, mut is_gone: impl FnMut() -> bool) {
        let (before, after) = (self.texts)(scheme);
        for told in [true, false] {
            assert!(!is_gone(), "{} to begin with", self.what);
            site.write(self.file, &after);
            if told {
                site.reload();
                assert!(is_gone(), "{}: still there after a reload", self.what);
            } else {
                within(BY_ITSELF, self.what, &mut is_gone);
            }
            site.write(self.file, &before);
            site.reload();
        }
    }
}

#[test]
fn basic_is_denied_at_once() {
    let site = Site::start(&settings("basic"));
    for revoked in REVOKED {
        let (repo, boss) = (revoked.repo, BOSS.basic());
        assert_eq!(site.push(repo, Some(&boss)), 201);
        let basic = ALICE.basic();
        let denied = if revoked.is_out { 401 } else { 404 };
        revoked.hold(&site, "basic", || match site.pull(repo, Some(&basic)) {
            200 => false,
            status => {
                assert_eq!(status, denied, "{}", revoked.what);
                true
            }
        });
        assert_eq!(site.pull(repo, Some(&boss)), 200, "others go on");
    }
}

#[test]
fn tokens_that_were_handed_out_are_denied_at_once() {
    let site = Site::start(&settings("bearer"));
    for revoked in REVOKED {
        let repo = revoked.repo;
        let scope = format!("repository:{repo}:pull");
        let (boss, _) = site.login(BOSS, &format!("repository:{repo}:pull,push"));
        assert_eq!(site.push(repo, Some(&boss)), 201);
        let (token, _) = site.login(ALICE, &scope);
        revoked.hold(&site, "bearer", || match site.pull(repo, Some(&token)) {
            200 => false,
            status => {
                let denied: &[u16] = if revoked.is_out { &[401] } else { &[401, 404] };
                assert!(denied.contains(&status), "{}: {status}", revoked.what);
                true
            }
        });
        assert_eq!(site.pull(repo, Some(&boss)), 200, "others go on");
    }
}

#[test]
fn refresh_tokens_are_denied_at_once() {
    let site = Site::start(&settings("bearer"));
    for revoked in REVOKED {
        let repo = revoked.repo;
        let scope = format!("repository:{repo}:pull");
        let (boss, _) = site.login(BOSS, &format!("repository:{repo}:pull,push"));
        assert_eq!(site.push(repo, Some(&boss)), 201);
        let (_, refresh) = site.login(ALICE, &scope);
        revoked.hold(&site, "bearer", || {
            let reply = site.refresh(&refresh, &scope);
            if revoked.is_out {
                assert!([200, 401].contains(&reply.status), "{reply:?}");
                return reply.status == 401;
            }
            // She is still somebody, with a token that is good for less.
            assert_eq!(reply.status, 200, "{reply:?}");
            let token = format!("Bearer {}", reply.json()["token"].as_str().unwrap());
            site.pull(repo, Some(&token)) != 200
        });
    }
}

#[test]
fn broken_files_keep_what_held_and_say_so_once() {
    let site = Site::start(&settings("basic"));
    let (alice, boss) = (ALICE.basic(), BOSS.basic());
    let repos = ["by-any/a", "by-file/a", "by-table/a"];
    for repo in repos {
        assert_eq!(site.push(repo, Some(&boss)), 201);
    }
    let good = settings("basic");
    let unknown = good.replace("group:team", "group:teem");
    for (file, before, broken, complaint) in [
        (
            "htpasswd",
            &*htpasswd(&[ALICE, BOSS]),
            "alice:plain\n",
            "line 1",
        ),
        ("groups", "crew: alice\n", "crew\n", "line 1"),
        ("config.toml", &*good, "listen = ", "config.toml"),
        (
            "config.toml",
            &*good,
            "lissen = 'x'",
            "did you mean `listen`",
        ),
        ("config.toml", &*good, &*unknown, "there is no group `teem`"),
    ] {
        let count = |text: &str| site.read("log").matches(text).count();
        let earlier = count("what held before stays");
        site.write(file, broken);
        within(BY_ITSELF, file, || {
            count("what held before stays") > earlier
        });
        // It is looked at twice a second.
        std::thread::sleep(Duration::from_millis(1100));
        for _ in 0..2 {
            let socket = ["admin", "reload", "--socket", "data/admin.sock"];
            let output = site.run(&socket);
            assert_eq!(output.status.code(), Some(1), "{}", said(&output));
            let said = said(&output);
            assert!(
                said.contains("refused") && said.contains(complaint),
                "{said}"
            );
        }
        for repo in repos {
            assert_eq!(site.pull(repo, Some(&alice)), 200, "{file}");
        }
        assert_eq!(count("what held before stays"), earlier + 1, "{file}");
        site.write(file, before);
        site.reload();
    }
}

/// A rule may come before the group that it names.
#[test]
fn rules_that_wait_for_their_group_hold_once_it_is_there() {
    let site = Site::start(&settings("basic"));
    assert_eq!(site.push("new/a", Some(&BOSS.basic())), 201);
    let rule = "[[access]]\nrepos = ['new/**']\nwho = ['group:new']\nallow = ['pull']\n";
    site.write("config.toml", &format!("{}{rule}", settings("basic")));
    let output = site.run(&["admin", "reload"]);
    assert_eq!(output.status.code(), Some(1), "{}", said(&output));
    let alice = ALICE.basic();
    assert_eq!(site.pull("new/a", Some(&alice)), 404);
    site.write("groups", "crew: alice\nnew: alice\n");
    site.reload();
    assert_eq!(site.pull("new/a", Some(&alice)), 200);
}

#[test]
fn a_hangup_reads_everything_at_once() {
    let site = Site::start(&settings("basic"));
    let alice = ALICE.basic();
    assert_eq!(site.push("by-file/a", Some(&BOSS.basic())), 201);
    // By itself it looks every half a second, so that half of the changes take longer than 250 ms.
    let mut took: Vec<_> = (0..8)
        .map(|round| {
            let (team, expected) = [("crew: bob\n", 404), ("crew: alice\n", 200)][round % 2];
            site.write("groups", team);
            let begun = Instant::now();
            site.server.signal(Signal::HUP);
            within(BY_ITSELF, "the group", || {
                site.pull("by-file/a", Some(&alice)) == expected
            });
            begun.elapsed()
        })
        .collect();
    took.sort();
    assert!(took[5] < Duration::from_millis(250), "{took:?}");
    let Site { server, .. } = site;
    server.stop();
}

/// Pulls and pushes go on while the rules change. Each answer is that of one state or the other,
/// and what both states allow is never refused.
#[test]
fn reloads_under_load_drop_nothing() {
    const RELOADS: usize = 40;
    let site = Site::start(&settings("basic"));
    let (alice, boss) = (ALICE.basic(), BOSS.basic());
    for repo in ["by-name/a", "by-any/a"] {
        assert_eq!(site.push(repo, Some(&boss)), 201);
    }
    let with = settings("basic");
    let (without, _) = with.rsplit_once("[[access]]").unwrap();
    let done = AtomicBool::new(false);
    let pulls = AtomicU64::new(0);
    std::thread::scope(|scope| {
        let mut workers = Vec::new();
        for worker in 0..6 {
            let (site, alice, boss, done, pulls) = (&site, &alice, &boss, &done, &pulls);
            workers.push(scope.spawn(move || {
                let mut seen = BTreeSet::new();
                let mut number = 0;
                while !done.load(Ordering::Relaxed) {
                    number += 1;
                    match worker {
                        0 | 1 => drop(seen.insert(site.pull("by-name/a", Some(alice)))),
                        2 | 3 => assert_eq!(site.pull("by-any/a", Some(alice)), 200),
                        _ => {
                            let path = format!("/v2/load/w{worker}/manifests/t{number}");
                            let reply = site.send("PUT", &path, Some(boss), INDEX);
                            assert_eq!(reply.status, 201, "{reply:?}");
                        }
                    }
                    pulls.fetch_add(1, Ordering::Relaxed);
                }
                seen
            }));
        }
        let flipped = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| {
            for round in 0..RELOADS {
                let (text, expected) = match round % 2 {
                    0 => (without, 404),
                    _ => (&*with, 200),
                };
                site.write("config.toml", text);
                site.reload();
                assert_eq!(site.pull("by-name/a", Some(&alice)), expected);
            }
        }));
        done.store(true, Ordering::Relaxed);
        let mut seen = BTreeSet::new();
        for worker in workers {
            seen.extend(worker.join().unwrap());
        }
        flipped.unwrap();
        assert_eq!(seen, BTreeSet::from([200, 404]));
    });
    let log = site.read("log");
    assert!(!log.contains("ERROR"), "{log}");
    assert!(pulls.load(Ordering::Relaxed) > RELOADS as u64);
}
