import { execFileSync } from "node:child_process";
import { lstatSync, readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";

/**
 * Lists what is, or would be, committed: tracked files and untracked ones that are not ignored.
 * Where git is absent or refuses the folder, the tree itself is listed, without what .gitignore names.
 *
 * @param root folder of the repository
 * @returns paths from the root, with forward slashes; files deleted but not yet committed are left out
 */
export function listRepositoryFiles(root: string): string[] {
  return (listByGit(root) ?? listByWalk(root)).filter(
    (path) => lstatSync(join(root, path), { throwIfNoEntry: false })?.isFile() === true,
  );
}

function listByGit(root: string): string[] | undefined {
  try {
    const output = execFileSync("git", ["ls-files", "-z", "--cached", "--others", "--exclude-standard"], {
      cwd: root,
      encoding: "utf8",
      maxBuffer: 64 * 1024 * 1024,
      stdio: ["ignore", "pipe", "ignore"],
    });
    return [...new Set(output.split("\0").filter((path) => path !== ""))];
  } catch {
    return undefined;
  }
}

/**
 * Lists the tree without what .gitignore names; of .gitignore it understands names of folders and files,
 * with `*` in them.
 */
export function listByWalk(root: string): string[] {
  const ignored = readFileSync(join(root, ".gitignore"), "utf8")
    .split("\n")
    .map((line) => line.trim().replace(/^\/|\/$/g, ""))
    .filter((line) => line !== "" && !line.startsWith("#"))
    .concat(".git")
    .map((name) => new RegExp(`^${name.split("*").map(escapeRegExp).join(".*")}$`));
  const walk = (folder: string): string[] =>
    readdirSync(join(root, folder), { withFileTypes: true })
      .filter((entry) => !ignored.some((pattern) => pattern.test(entry.name)))
      .flatMap((entry) => {
        const path = folder === "" ? entry.name : `${folder}/${entry.name}`;
        return entry.isDirectory() ? walk(path) : [path];
      });
  return walk("");
}

function escapeRegExp(text: string): string {
  return text.replace(/[.+?^${}()|[\]\\]/g, "\\$&");
}
