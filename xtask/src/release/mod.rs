//! `cargo xtask release`: every file of a release, made of one commit and tried.
//!
//! It refuses what should not be released: an unclean tree, an empty changelog entry, a red test, a
//! program that does not come out the same twice. It tags only without `--dry-run`, and publishes
//! only with `--publish`.

mod archive;
mod build;
mod changelog;
mod checksums;
mod crates;
mod debian;
mod image;
mod installed;
mod linkage;
mod sbom;
mod source;
mod steps;
mod tarball;
mod texts;

use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use anyhow::{Context, ensure};

use self::checksums::Artefact;
use self::image::{Image, Parts, podman, trial};
use self::linkage::Library;
use self::source::Source;
use self::steps::Steps;
use self::texts::Texts;
use crate::Result;
use crate::process;
use crate::workspace;

/// How long all tests together may take.
const TESTS: Duration = Duration::from_secs(2 * 60 * 60);
/// How long pushing a tag may take.
const PUSH: Duration = Duration::from_secs(300);

/// What `cargo xtask release` takes.
#[derive(Debug, clap::Args)]
pub(crate) struct Args {
    /// Make and try every file, and tag, push and publish nothing
    #[arg(long)]
    dry_run: bool,
    /// Do not run the tests first
    #[arg(long, requires = "dry_run")]
    skip_tests: bool,
    /// Take this program instead of building the commit twice
    #[arg(long, value_name = "FILE", requires = "dry_run")]
    program: Option<PathBuf>,
    /// Push the tag and publish the crates in the end
    #[arg(long, conflicts_with = "dry_run")]
    publish: bool,
}

/// Makes the release.
///
/// # Errors
/// When it must not be made, or something of it does not work.
pub(crate) fn run(args: &Args) -> Result<()> {
    let mut steps = Steps::begin();
    let source = steps.run("look at the commit", || check(args))?;
    tests(args, &mut steps)?;
    let target = workspace::target_dir()?;
    let work = Folder::fresh(target.join("release-work"))?;
    let program = program(args, &source, &work.0, &mut steps)?;
    let made = Made::new(&source, &program, &mut steps)?;
    let files = target.join("release-files");
    made.write(&Folder::fresh(files.clone())?.0)?;
    made.try_out(&source, &program, &work.0, &files, &mut steps)?;
    publish(args, &source, &work.0, &files, &mut steps)?;
    made.list(&files);
    println!("{}", steps.summary());
    std::fs::remove_dir_all(&work.0).context("the work folder cannot be removed")
}

fn check(args: &Args) -> Result<Source> {
    let source = Source::read()?;
    if !args.dry_run {
        source.check_taggable()?;
    }
    println!("     oci-server {} of {}", source.version, source.commit);
    Ok(source)
}

/// A folder that is empty when work begins.
struct Folder(PathBuf);

impl Folder {
    fn fresh(path: PathBuf) -> Result<Folder> {
        if path.exists() {
            std::fs::remove_dir_all(&path)?;
        }
        std::fs::create_dir_all(&path)?;
        Ok(Folder(path))
    }
}

fn tests(args: &Args, steps: &mut Steps) -> Result<()> {
    if args.skip_tests {
        steps.skip(
            "tests",
            "--skip-tests: nothing here says that this commit works",
        );
        return Ok(());
    }
    steps.run("tests", || {
        let own = std::env::current_exe()?;
        let status = process::run_shown(Command::new(own).arg("test"), TESTS)?;
        ensure!(status.success(), "the tests are not green");
        Ok(())
    })
}

fn program(args: &Args, source: &Source, work: &Path, steps: &mut Steps) -> Result<PathBuf> {
    match &args.program {
        Some(path) => {
            steps.skip(
                "build twice and compare",
                "--program: it may be of any commit",
            );
            path.canonicalize()
                .with_context(|| format!("{} is not there", path.display()))
        }
        None => steps.run("build twice and compare", || build::twice(source, work)),
    }
}

/// Everything that is released.
struct Made {
    libraries: Vec<Library>,
    image: Image,
    image_sbom: Vec<u8>,
    package: String,
    artefacts: Vec<Artefact>,
}

impl Made {
    fn new(source: &Source, path: &Path, steps: &mut Steps) -> Result<Made> {
        let target = build::host()?;
        let program = std::fs::read(path)?;
        let libraries = linkage::libraries(path)?;
        let texts = steps.run("manual page, completions", || Texts::gather(path))?;
        let name = format!("oci-server-{}-{target}", source.version);
        let tarball = steps.run("archive", || {
            tarball::make(&name, source.epoch, &program, &texts)
        })?;
        let package = steps.run("Debian package", || {
            debian::make(source, &program, &libraries, &texts)
        })?;
        let (sbom, image_sbom) = steps.run("bills of materials", || {
            let sbom = sbom::of_program(source, &target, &program)?;
            let of_image = sbom::of_image(&sbom, &libraries)?;
            Ok((sbom::written(&sbom)?, sbom::written(&of_image)?))
        })?;
        let parts = Parts {
            source,
            program: &program,
            libraries: &libraries,
            texts: &texts,
            sbom: &image_sbom,
        };
        let image = steps.run("image", || Image::compose(&parts))?;
        let layout = format!(
            "oci-server-{}-linux-{}.oci",
            source.version,
            image::architecture()?
        );
        let artefacts = [
            (format!("{name}.tar.gz"), tarball),
            (format!("{name}.cdx.json"), sbom),
            (package.file_name.clone(), package.bytes),
            (format!("{layout}.tar"), image.layout(source.epoch)?),
            (format!("{layout}.cdx.json"), image_sbom.clone()),
        ];
        let artefacts = artefacts
            .map(|(name, bytes)| Artefact { name, bytes })
            .into();
        Ok(Made {
            libraries,
            image,
            image_sbom,
            package: package.file_name,
            artefacts,
        })
    }

    fn write(&self, folder: &Path) -> Result<()> {
        for Artefact { name, bytes } in &self.artefacts {
            std::fs::write(folder.join(name), bytes)?;
        }
        std::fs::write(
            folder.join(checksums::NAME),
            checksums::lines(&self.artefacts),
        )?;
        Ok(())
    }

    fn try_out(
        &self,
        source: &Source,
        program: &Path,
        work: &Path,
        files: &Path,
        steps: &mut Steps,
    ) -> Result<()> {
        installed::check(&files.join(&self.package), &source.version, work, steps)?;
        let pushed = steps.run("image: push into this server, pull back", || {
            trial::round_trip(program, &self.image, &self.image_sbom, work)
        })?;
        steps.run("image: start what was pulled", || {
            pushed.start_unpacked(&source.version, &self.libraries)
        })?;
        steps.attempt("image: run by podman", || {
            podman::run(
                pushed.server(),
                &pushed.root,
                &self.image,
                &source.version,
                work,
            )
        })?;
        pushed.stop()
    }

    fn list(&self, folder: &Path) {
        println!("\n{}:", folder.display());
        for Artefact { name, bytes } in &self.artefacts {
            println!("{:>12} {name}", bytes.len());
        }
        println!("{:>12} {}", "", checksums::NAME);
    }
}

fn publish(
    args: &Args,
    source: &Source,
    work: &Path,
    files: &Path,
    steps: &mut Steps,
) -> Result<()> {
    let order = crates::order()?;
    println!(
        "     crates in the order of their dependencies: {}",
        order.join(", ")
    );
    steps.run("crates: rehearse publishing", || {
        crates::rehearse(&source.commit, work)
    })?;
    if args.dry_run {
        steps.skip("tag, push, publish", "--dry-run");
        return Ok(());
    }
    let tag = source.tag_name();
    steps.run("tag", || source.tag())?;
    if args.publish {
        steps.run("push the tag", || source.push_tag(PUSH))?;
        return steps.run("crates: publish", crates::publish);
    }
    println!("\nto be pushed and published:");
    println!("  git push origin {tag}");
    println!("  cargo publish --workspace --locked");
    println!("  everything in {}", files.display());
    Ok(())
}
