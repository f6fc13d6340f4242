import { builtinModules } from "node:module";
import { posix } from "node:path";
import ts from "typescript";
import { type Layer, type Reserved } from "./layers.ts";
import { layerOf, type Manifest, type WorkspacePackage } from "./workspace.ts";

/** One import or dependency against the rules. */
export interface Violation {
  /** Path from the root of the repository. */
  readonly file: string;
  /** The specifier as written, or the name of the dependency. */
  readonly imported: string;
  readonly reason: string;
}

const OURS = "@budget/";
const BUILTIN = new Set(builtinModules);

/**
 * Checks imports and dependencies of a workspace against the table of layers.
 *
 * @param packages as `readWorkspace` gives them
 * @param layers the table; tools are free to import any package they list
 * @param reserved modules from elsewhere that belong to some packages only
 * @returns every violation, in the order of the packages and their files; empty when all is well
 */
export function checkLayers(
  packages: readonly WorkspacePackage[],
  layers: readonly Layer[],
  reserved: readonly Reserved[],
): Violation[] {
  const byName = new Map(packages.map((pkg) => [pkg.manifest.name ?? "", pkg]));
  return packages
    .flatMap((pkg) => {
      const layer = layerOf(pkg, layers);
      const file = `${pkg.folder}/package.json`;
      if (layer === undefined) {
        const reason = "the package has no row in the table of layers";
        return [{ file, imported: pkg.manifest.name ?? "(no name)", reason }];
      }
      const misnamed =
        layer.name === pkg.manifest.name
          ? []
          : [{ file, imported: pkg.manifest.name ?? "(no name)", reason: `its name is ${layer.name}` }];
      return [
        ...misnamed,
        ...checkManifest(pkg, layer),
        ...pkg.sources.flatMap((source) =>
          importsOf(source.text, source.path).flatMap((specifier) =>
            checkImport(pkg, layer, source.path, specifier, byName, reserved).map((reason) => ({
              file: `${pkg.folder}/${source.path}`,
              imported: specifier,
              reason,
            })),
          ),
        ),
      ];
    })
    .concat(checkCycles(packages));
}

/** Renders a violation as one line. */
export function describeViolation(violation: Violation): string {
  return `${violation.file}: "${violation.imported}": ${violation.reason}`;
}

/**
 * Lists what a file imports: static and dynamic imports, re-exports, type imports and `require`.
 *
 * @param text the source
 * @param path only its ending matters, which tells the language
 */
export function importsOf(text: string, path: string): string[] {
  const detectRequire = /\.[cm]?jsx?$/.test(path);
  return ts.preProcessFile(text, true, detectRequire).importedFiles.map((file) => file.fileName);
}

function checkManifest(pkg: WorkspacePackage, layer: Layer): Violation[] {
  const { dependencies, peerDependencies, optionalDependencies } = pkg.manifest;
  // What only tests use may come from any layer; a cycle is found by checkCycles.
  return Object.keys({ ...dependencies, ...peerDependencies, ...optionalDependencies })
    .filter((name) => name.startsWith(OURS))
    .flatMap((name) => {
      const reason = againstArrows(layer, name);
      return reason === undefined ? [] : [{ file: `${pkg.folder}/package.json`, imported: name, reason }];
    });
}

function checkImport(
  pkg: WorkspacePackage,
  layer: Layer,
  path: string,
  specifier: string,
  byName: ReadonlyMap<string, WorkspacePackage>,
  reserved: readonly Reserved[],
): string[] {
  if (specifier.startsWith(".") || specifier.startsWith("/")) {
    const target = posix.normalize(posix.join(posix.dirname(path), specifier));
    const leaves = specifier.startsWith("/") || target === ".." || target.startsWith("../");
    return leaves ? ["a path leaves its package; import the package by its name"] : [];
  }
  if (specifier.startsWith("#")) return [];

  const reasons: string[] = [];
  if (layer.mayImport !== "any") {
    const name = layer.name;
    reasons.push(
      ...reserved
        .filter((rule) => rule.specifier.test(specifier) && rule.forbiddenIn(name))
        .map((rule) => rule.reason),
    );
  }
  if (specifier.startsWith("node:") || BUILTIN.has(specifier)) return reasons;

  const name = packageNameOf(specifier);
  if (name === pkg.manifest.name) return [...reasons, "a package imports its own files by relative paths"];
  if (name.startsWith(OURS)) {
    const reason = againstArrows(layer, name);
    if (reason !== undefined) reasons.push(reason);
    const target = byName.get(name);
    if (target === undefined) reasons.push("there is no such package in the workspace");
    else if (!exportsSubpath(target.manifest.exports, `.${specifier.slice(name.length)}`)) {
      reasons.push(`the inside of another package is its own; import what ${name} exports`);
    }
  }
  if (!isListed(pkg.manifest, name, layer.mayImport === "any")) {
    reasons.push(`package.json does not list ${name} among its dependencies`);
  }
  return reasons;
}

function againstArrows(layer: Layer, name: string): string | undefined {
  if (layer.mayImport === "any" || layer.mayImport.includes(name)) return undefined;
  const allowed = layer.mayImport.length === 0 ? "nothing of ours" : layer.mayImport.join(", ");
  return `${layer.name} may import ${allowed}: ${layer.reason}`;
}

function isListed(manifest: Manifest, name: string, developmentCounts: boolean): boolean {
  const { dependencies, devDependencies, peerDependencies, optionalDependencies } = manifest;
  const listed = { ...dependencies, ...peerDependencies, ...optionalDependencies };
  return name in listed || (developmentCounts && name in (devDependencies ?? {}));
}

/** "@a/b/c" is of the package "@a/b", "a/b" of "a". */
function packageNameOf(specifier: string): string {
  return specifier
    .split("/")
    .slice(0, specifier.startsWith("@") ? 2 : 1)
    .join("/");
}

function exportsSubpath(exported: unknown, subpath: string): boolean {
  if (typeof exported !== "object" || exported === null) return subpath === ".";
  const keys = Object.keys(exported);
  if (!keys.some((key) => key.startsWith("."))) return subpath === ".";
  return keys.some((key) => {
    const [before = "", after] = key.split("*");
    return after === undefined ? key === subpath : subpath.startsWith(before) && subpath.endsWith(after);
  });
}

/** A cycle, tests included, leaves no order in which to build and test. */
function checkCycles(packages: readonly WorkspacePackage[]): Violation[] {
  const edges = new Map(
    packages.map(({ manifest }) => [
      manifest.name ?? "",
      Object.keys({
        ...manifest.dependencies,
        ...manifest.devDependencies,
        ...manifest.peerDependencies,
        ...manifest.optionalDependencies,
      }).filter((name) => name.startsWith(OURS)),
    ]),
  );
  const done = new Set<string>();
  const visit = (name: string, trail: readonly string[]): readonly string[] | undefined => {
    if (trail.includes(name)) return [...trail.slice(trail.indexOf(name)), name];
    if (done.has(name)) return undefined;
    for (const next of edges.get(name) ?? []) {
      const cycle = visit(next, [...trail, name]);
      if (cycle !== undefined) return cycle;
    }
    done.add(name);
    return undefined;
  };
  for (const pkg of packages) {
    const cycle = visit(pkg.manifest.name ?? "", []);
    if (cycle !== undefined) {
      const reason = `the packages depend on each other in a circle: ${cycle.join(" -> ")}`;
      return [{ file: `${pkg.folder}/package.json`, imported: cycle[0] ?? "", reason }];
    }
  }
  return [];
}
