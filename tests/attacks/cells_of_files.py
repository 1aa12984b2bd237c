"""Attacks on files: those of others, its own, by other names, and what is noted of them."""

from attack_support import (
    Cell,
    changed,
    gone,
    made,
    said,
    said_the_secret,
    victim_ended,
)
from attack_words import (
    FILES,
    KERNEL,
    LANDLOCK,
    METADATA,
    PRIVILEGES,
    of,
)


def elsewhere() -> list[Cell]:
    """Each place that is not the attacker's own, written to and read."""
    writes = {
        "sibling": "sibling_new",
        "sibling_state": "sibling_state_new",
        "project": "project_new",
        "home": "new",
        "tmp": "tmp",
        "by_dots": "dotted_new",
        "by_own_root": "rooted_new",
    }
    reads = {
        "sibling": "sibling_file",
        "sibling_genome": "sibling_genome",
        "project": "settings",
        "key": "key",
        "home": "file",
        "by_dots": "dotted_file",
        "environment_of_another": "bystander_environment",
    }
    stopped_by = {"environment_of_another": LANDLOCK}
    written = [
        Cell(
            f"write_in_{name}",
            f"write {{{place}}}",
            of(FILES),
            made(place.replace("dotted_new", "dotted")),
        )
        for name, place in writes.items()
    ]
    return [
        *written,
        *(
            Cell(
                f"read_{name}",
                f"read {{{place}}}",
                stopped_by.get(name, of(FILES)),
                said_the_secret,
            )
            for name, place in reads.items()
        ),
        Cell("read_etc", "read /etc/passwd", of(FILES), said("root:")),
        Cell("read_proc", "read /proc/self/status", of(FILES), said("Name:")),
        Cell("read_sys", "read /sys/kernel/profiling", of(FILES), said("0|")),
        Cell("list_home", "list {outside}", of(FILES), said('"file"')),
        Cell("list_agents", "list {agents}", of(FILES), said(".victim")),
        Cell("overwrite", "overwrite {file}", of(FILES), changed("file")),
        Cell("remove", "remove {file}", of(FILES), gone("file")),
        Cell("make_folder", "mkdir {new}", of(FILES), made("new")),
        Cell("move_in", "rename {file} state/taken", of(FILES), gone("file")),
        Cell("move_out", "rename {own_state_file} {new}", of(FILES), made("new")),
        Cell("exchange", "exchange {own_state_file} {file}", of(FILES), changed("file")),
        Cell("empty", "truncate {file}", of(FILES), changed("file")),
        Cell("empty_by_opening", "open_truncating {file}", of(FILES), changed("file")),
        Cell("write_store", "overwrite {store}", of(FILES), changed("store")),
        Cell("write_registry", "overwrite {registry}", of(FILES), changed("registry")),
        Cell("write_own_program", "overwrite {program}", of(FILES), changed("program")),
        Cell("write_pipe_of_another", "overwrite {victim_pipe}", of(FILES), victim_ended),
        Cell("write_descriptor_of_another", "overwrite {victim_out}", LANDLOCK, victim_ended),
    ]


def own_folder() -> list[Cell]:
    """What may be read, and is not its own to change."""
    places = ["manifest", "gene", "genome"]
    return [
        *(Cell(f"change_own_{one}", f"remove {{{one}}}", of(FILES), gone(one)) for one in places),
        *(
            Cell(f"plant_{one}", f"write {{{one}}}", of(FILES), made(one))
            for one in ("build_script", "toolchain")
        ),
        Cell("plant_cargo_config", "mkdir {cargo_folder}", of(FILES), made("cargo_folder")),
        Cell("plant_genome", "rename {own_state_file} {genome}", of(FILES), changed("genome")),
        Cell("replace_state", "rename {own_state} {own_other}", of(FILES), made("own_other")),
    ]


def names() -> list[Cell]:
    """A second name, in one's own state/, for what is elsewhere. Landlock looks at where a link
    leads, and lets none be made; nor does seccomp. `planted` is one that somebody else has made."""
    link = "state/link"
    by_two = of(FILES, METADATA)
    return [
        Cell("symlink", f"symlink {{file}} {link}", by_two, made("own_link")),
        Cell(
            "symlink_to_seccomp",
            f"symlink {{file}} {link}",
            of(METADATA),
            made("own_link"),
            beside=of(FILES),
        ),
        Cell("write_by_symlink", "overwrite {planted}", of(FILES), changed("file")),
        Cell("read_by_symlink", "read {planted}", of(FILES), said_the_secret),
        Cell("hard_link", f"hardlink {{file}} {link}", by_two, made("own_link")),
        Cell(
            "hard_link_to_landlock",
            f"hardlink {{file}} {link}",
            of(FILES),
            made("own_link"),
            beside=of(METADATA),
        ),
        Cell("hard_link_to_own", f"hardlink {{manifest}} {link}", by_two, made("own_link")),
        Cell("fifo", "fifo {offer}", by_two, made("offer")),
    ]


def metadata() -> list[Cell]:
    ways = ["chmod", "fchmod", "fchmodat", "fchmodat2"]
    return [
        *(
            Cell(
                f"{way}_own",
                f"chmod {way} {{own_state_file}}",
                of(METADATA),
                changed("own_state_file"),
            )
            for way in ways
        ),
        *(
            Cell(f"{way}_of_another", f"chmod {way} {{file}}", of(METADATA), changed("file"))
            for way in ways
            if way != "fchmod"
        ),
        Cell("fchmod_of_another", "chmod fchmod {file}", of(FILES, METADATA), changed("file")),
        Cell("set_id", "make_set_id state/new", of(METADATA), said("make_set_id: done")),
        Cell("chown", "chown {file} 12345", of(METADATA, PRIVILEGES), changed("file"), only="root"),
        Cell("utimes", "utimes {file}", of(METADATA), changed("file")),
        Cell("xattr", "setxattr {file}", of(METADATA), changed("file")),
        Cell("chattr", "chattr {own_state_file}", of(KERNEL), changed("own_state_file")),
    ]
