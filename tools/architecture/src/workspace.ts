import { existsSync, readdirSync, readFileSync } from "node:fs";
import { join, relative, sep } from "node:path";
import { type Layer } from "./layers.ts";

/** The parts of a package.json that say on what a package depends and what it shows. */
export interface Manifest {
  readonly name?: string;
  readonly exports?: unknown;
  readonly dependencies?: Readonly<Record<string, string>>;
  readonly devDependencies?: Readonly<Record<string, string>>;
  readonly peerDependencies?: Readonly<Record<string, string>>;
  readonly optionalDependencies?: Readonly<Record<string, string>>;
}

export interface SourceFile {
  /** Path from the package's folder, with forward slashes, such as "src/index.ts". */
  readonly path: string;
  readonly text: string;
}

export interface WorkspacePackage {
  /** Path from the root of the repository, with forward slashes. */
  readonly folder: string;
  readonly manifest: Manifest;
  /** All files under src. */
  readonly sources: readonly SourceFile[];
}

const GROUPS = ["packages", "apps", "tools"];
const SOURCE_NAME = /\.[cm]?[jt]sx?$/;
const NOT_SOURCE = new Set(["node_modules", "dist", "coverage", "test", "fixtures"]);

/**
 * Reads every package of the repository.
 *
 * @param root folder that holds packages, apps and tools
 * @returns the packages in the order of their folders; a folder without a package.json is left out
 */
export function readWorkspace(root: string): WorkspacePackage[] {
  return GROUPS.filter((group) => existsSync(join(root, group))).flatMap((group) =>
    readdirSync(join(root, group), { withFileTypes: true })
      .filter((entry) => entry.isDirectory() && existsSync(join(root, group, entry.name, "package.json")))
      .map((entry) => `${group}/${entry.name}`)
      .sort()
      .map((folder) => ({
        folder,
        manifest: JSON.parse(readFileSync(join(root, folder, "package.json"), "utf8")) as Manifest,
        sources: readSources(join(root, folder)),
      })),
  );
}

/**
 * Names what a folder of the workspace is, by the table; tools need no row there.
 *
 * @returns undefined when the table has no row for the package
 */
export function layerOf(pkg: WorkspacePackage, layers: readonly Layer[]): Layer | undefined {
  if (pkg.folder.startsWith("tools/")) {
    return { folder: pkg.folder, name: pkg.manifest.name ?? pkg.folder, mayImport: "any", reason: "a tool" };
  }
  return layers.find((layer) => layer.folder === pkg.folder);
}

function readSources(packageFolder: string): SourceFile[] {
  const src = join(packageFolder, "src");
  if (!existsSync(src)) return [];
  return walk(src).map((file) => ({
    path: relative(packageFolder, file).split(sep).join("/"),
    text: readFileSync(file, "utf8"),
  }));
}

function walk(folder: string): string[] {
  return readdirSync(folder, { withFileTypes: true })
    .sort((a, b) => (a.name < b.name ? -1 : 1))
    .flatMap((entry) => {
      if (entry.isDirectory()) return NOT_SOURCE.has(entry.name) ? [] : walk(join(folder, entry.name));
      return SOURCE_NAME.test(entry.name) ? [join(folder, entry.name)] : [];
    });
}
