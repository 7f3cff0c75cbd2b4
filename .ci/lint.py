"""Reads what no compiler of ours reads: workflows, actions, scripts, PowerShell, recipes, manifests.

Called by .ci/lint, with the tools that it installs. Says every fault on a line of its own.
"""

import glob
import html
import json
import os
import re
import subprocess
import sys
import tempfile
import xml.etree.ElementTree

import tree_sitter
import tree_sitter_groovy
import tree_sitter_powershell
import tree_sitter_ruby
import yaml

TOOLS = os.path.dirname(sys.executable)
GRAMMARS = {
    "powershell": tree_sitter_powershell.language(),
    "groovy": tree_sitter_groovy.language(),
    "ruby": tree_sitter_ruby.language(),
}
YAMLLINT = "{extends: default, rules: {line-length: disable, document-start: disable, truthy: {check-keys: false}," \
    " indentation: {indent-sequences: consistent}," \
    " comments: {min-spaces-from-content: 1}}}"
# By which schema the YAML blocks of a section in the recipes are held, by a word of its heading.
SCHEMAS = {
    "GitHub": "vendor.github-workflows",
    "GitLab": "vendor.gitlab-ci",
    "Azure": "vendor.azure-pipelines",
}

faults = 0
counted = {}


def fault(where, what):
    global faults
    faults += 1
    print(f"{where}: {what}")


def count(what):
    counted[what] = counted.get(what, 0) + 1


def run(where, *words):
    done = subprocess.run([os.path.join(TOOLS, words[0]), *words[1:]], capture_output=True, text=True)
    if done.returncode != 0:
        fault(where, f"{words[0]}:\n{done.stdout}{done.stderr}")


def file_with(text, suffix):
    path = os.path.join(SCRATCH, f"{len(os.listdir(SCRATCH))}{suffix}")
    with open(path, "w", encoding="utf-8") as file:
        file.write(text)
    return path


def parse(where, language, text):
    """Whether a grammar reads the text whole."""
    count(language)
    if language == "powershell":
        # What PowerShell takes and this grammar does not: a list of bare words.
        text = re.sub(r"(?<= )[A-Za-z]+(?:, [A-Za-z]+)+$", lambda words: re.sub(r"\w+", r"'\g<0>'", words[0]), text, flags=re.M)
    parser = tree_sitter.Parser(tree_sitter.Language(GRAMMARS[language]))
    source = text.encode()
    pending = [parser.parse(source).root_node]
    while pending:
        node = pending.pop()
        if node.type == "ERROR" or node.is_missing:
            fault(f"{where}:{node.start_point[0] + 1}", f"no {language}: {source[node.start_byte:node.end_byte][:80]!r}")
        elif node.has_error:
            pending.extend(node.children)


def shell(where, text, dialect):
    count("shell")
    run(where, "shellcheck", f"--shell={dialect}", "--severity=warning", file_with(text, ".sh"))


def steps_of(document):
    if "runs" in document:
        yield from document["runs"].get("steps", [])
    for job in document.get("jobs", {}).values():
        yield from job.get("steps", [])


def workflow(where, document):
    """Its scripts, each by its shell, and that other people's actions are pinned."""
    default = document.get("defaults", {}).get("run", {}).get("shell", "bash")
    for step in steps_of(document):
        uses = step.get("uses", "")
        if uses and not uses.startswith("./") and not re.search(r"@[0-9a-f]{40}$|OWNER/exchports", uses):
            fault(where, f"{uses} is not pinned by its hash")
        if "run" not in step:
            continue
        script = step["run"]
        if "${{" in script:
            fault(where, f"an expression in a script's text, not in its environment: {script!r}")
        if step.get("shell", default) in ("pwsh", "powershell"):
            parse(where, "powershell", script)
        else:
            # So a runner starts it.
            shell(where, "set -eo pipefail\n" + script, "bash")


def yaml_of(where, text, schema=None):
    count("yaml")
    path = file_with(text, ".yml")
    run(where, "yamllint", "--strict", "-d", YAMLLINT, path)
    if schema:
        run(where, "check-jsonschema", "--regex-variant", "nonunicode", "--builtin-schema", schema, path)
    return yaml.safe_load(text)


def read(path):
    with open(path, encoding="utf-8") as file:
        return file.read()


def blocks(text):
    """Heading, language and text of each fenced block."""
    heading = ""
    for match in re.finditer(r"^#+ ([^\n]*)$|^ *```(\w+)\n(.*?)^ *```$", text, re.M | re.S):
        if match[1]:
            heading = match[1]
        else:
            yield heading, match[2], match[3]


def recipe(where, heading, language, text):
    if language in ("sh", "bash"):
        shell(where, text, language)
    elif language in GRAMMARS:
        parse(where, language, text)
    elif language == "yaml":
        schema = next((schema for word, schema in SCHEMAS.items() if word in heading), None)
        document = yaml_of(where, text, schema)
        if schema == "vendor.github-workflows":
            workflow(where, document)
        if isinstance(document, dict) and "apiVersion" in document:
            run(where, "kubernetes-validate", "--strict", file_with(text, ".yml"))
    elif language not in ("text", "json"):
        fault(where, f"nothing here reads {language}")


def main():
    for path in glob.glob(".github/workflows/*.yml"):
        workflow(path, yaml_of(path, read(path), "vendor.github-workflows"))
    for path in glob.glob(".github/actions/*/action.yml"):
        workflow(path, yaml_of(path, read(path), "vendor.github-actions"))
    run(".github", "zizmor", "--offline", "--no-progress", ".github/workflows", ".github/actions")
    scripts = subprocess.run(["git", "ls-files", ".ci", ".github", "tests"], capture_output=True, text=True, check=True)
    for path in scripts.stdout.split():
        if os.path.isfile(path) and "." not in os.path.basename(path):
            with open(path, encoding="utf-8", errors="replace") as file:
                first = file.readline()
            if re.match(r"#!.*\b(ba)?sh\b", first):
                shell(path, read(path), "bash")
    for path in glob.glob(".github/monitoring/*.yml"):
        document = yaml_of(path, read(path))
        for one in document.get("items", []) if document.get("kind") == "List" else []:
            count("kubernetes")
            run(f"{path}, {one['kind']}", "kubernetes-validate", "--strict", file_with(yaml.safe_dump(one), ".yml"))
    for path in glob.glob(".github/monitoring/*.json"):
        json.loads(read(path))
        count("json")
    for path in glob.glob(".github/powershell/*.ps[dm]1"):
        # Windows PowerShell reads a file without a mark as the code page of the system.
        if not read(path).isascii():
            fault(path, "more than ASCII")
        parse(path, "powershell", read(path))
    for path in glob.glob(".github/powershell/*.ps1xml"):
        xml.etree.ElementTree.parse(path)
        count("xml")
        for script in re.findall(r"<ScriptBlock>(.*?)</ScriptBlock>", read(path), re.S):
            parse(path, "powershell", html.unescape(script))
    version = re.search(r'^version = "(.*)"$', read("Cargo.toml"), re.M)[1]
    if f"ModuleVersion        = '{version}'" not in read(".github/powershell/Exchports.psd1"):
        fault(".github/powershell/Exchports.psd1", f"ModuleVersion is not {version}")
    run(".github/packages/Dockerfile", "hadolint", ".github/packages/Dockerfile")
    if os.path.exists(".github/RECIPES.md"):
        for number, (heading, language, text) in enumerate(blocks(read(".github/RECIPES.md")), 1):
            recipe(f".github/RECIPES.md, block {number} ({heading})", heading, language, text)
    for path in sys.argv[1:]:
        if path.endswith(".rb"):
            parse(path, "ruby", read(path))
        elif path.endswith(".yaml"):
            yaml_of(path, read(path))
    print("read: " + ", ".join(f"{number} {what}" for what, number in sorted(counted.items())))
    print(f"{faults} faults")
    return 1 if faults else 0


with tempfile.TemporaryDirectory() as SCRATCH:
    sys.exit(main())
