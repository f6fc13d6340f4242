/** What came of asking a registry for known defects of dependencies. */
export interface AuditRun {
  readonly stdout: string;
  readonly stderr: string;
  /** Whether it was ended because it took too long. */
  readonly isOverdue: boolean;
}

/** Whether a run of checks may pass with this, and a line for each thing that there is to say. */
export interface AuditVerdict {
  readonly kind: "clean" | "vulnerable" | "unanswered" | "failed";
  readonly lines: readonly string[];
}

interface Advisory {
  readonly module_name: string;
  readonly severity: string;
  readonly title: string;
  readonly url: string;
}

interface Report {
  readonly advisories: Readonly<Record<string, Advisory>>;
  readonly metadata: { readonly vulnerabilities: Readonly<Record<string, number>> };
}

const GRAVE = ["high", "critical"];

/** How pnpm calls it that a registry cannot be reached, has no such service, or answers it wrongly. */
const UNANSWERED = /\bERR_PNPM_AUDIT_(BAD_RESPONSE|ENDPOINT_NOT_EXISTS)\b/;
const ADDRESS = /https?:\/\/\S+/g;
const FRAME = /[×│├╰─▶]/g;

/**
 * Judges a run of `pnpm audit --json`. Its exit code cannot tell defects from a registry that does not answer: both are 1.
 */
export function judgeAudit({ stdout, stderr, isOverdue }: AuditRun): AuditVerdict {
  if (isOverdue) return { kind: "unanswered", lines: ["The registry did not answer in time."] };
  const report = parse(stdout);
  if (report !== null) return judgeReport(report);
  const said = stderr.replaceAll(FRAME, " ").replaceAll(ADDRESS, "").replaceAll(/\s+/g, " ").trim();
  const excerpt = said.slice(0, 200);
  return UNANSWERED.test(stderr)
    ? { kind: "unanswered", lines: [`The registry did not answer: ${excerpt}`] }
    : { kind: "failed", lines: [`The audit could not be made: ${excerpt || "it said nothing"}`] };
}

function judgeReport({ advisories, metadata: { vulnerabilities } }: Report): AuditVerdict {
  const grave = GRAVE.reduce((sum, severity) => sum + (vulnerabilities[severity] ?? 0), 0);
  const milder = Object.values(vulnerabilities).reduce((sum, count) => sum + count, 0) - grave;
  const counted = `${grave} of high severity or above, ${milder} milder`;
  if (grave === 0) return { kind: "clean", lines: [counted] };
  const named = Object.values(advisories)
    .filter(({ severity }) => GRAVE.includes(severity))
    .map(({ module_name, severity, title, url }) => `${module_name}: ${severity}: ${title} (${url})`);
  return { kind: "vulnerable", lines: [counted, ...named] };
}

/** Null where the text is no report: something else that is JSON says nothing about defects. */
function parse(stdout: string): Report | null {
  try {
    const value = JSON.parse(stdout) as Partial<Report> | null;
    return typeof value?.metadata?.vulnerabilities === "object" && typeof value.advisories === "object"
      ? (value as Report)
      : null;
  } catch {
    return null;
  }
}
