import tseslint from "typescript-eslint";

const INJECTED_SRC = [
  "packages/{domain,repositories,engine,price-sources,configuration,services,migration}/src/**/*.ts",
  "packages/adapter{-port,s-*}/src/**/*.ts",
];
const TESTS = ["**/test/**/*.ts", "tools/**/*.ts"];
const CONFIG_FILES = ["**/*.config.{js,ts,mjs,mts}", "**/.mocharc.{js,cjs,mjs}"];

const CLOCK = "Time comes from the injected clock, so that a test can set it.";
const RANDOM = "Randomness and ids are injected, so that a test can repeat them.";
const ENVIRONMENT = "Settings are read once, by the app's configuration, and passed in.";
const TIMER = "Timers come from the injected clock, so that no test has to sleep.";

/** Rules of the shape of code; `no-restricted-syntax` replaces, so every block lists all it wants. */
const NO_DEFAULT_EXPORT = [
  {
    selector: "ExportDefaultDeclaration, ExportSpecifier[exported.name='default']",
    message: "Exports have names: one thing has one name wherever it is used.",
  },
];
const NO_HIDDEN_INPUT = [
  { selector: "NewExpression[callee.name='Date'][arguments.length=0]", message: CLOCK },
  { selector: "CallExpression[callee.name='Date']", message: CLOCK },
  {
    selector:
      "CallExpression[arguments.length=0][callee.object.name='DateTime'][callee.property.name=/^(now|utc|local)$/]",
    message: CLOCK,
  },
];
const SUITES = "/^(describe|context|suite|it|specify|test)$/";
const NO_PARTIAL_TEST_RUN = [
  {
    selector: `MemberExpression[object.name=${SUITES}][property.name='only']`,
    message: "A test marked `only` switches all others off.",
  },
  {
    selector: `MemberExpression[object.name=${SUITES}][property.name='skip'], MemberExpression[object.type='ThisExpression'][property.name='skip'], CallExpression[callee.name=/^x(describe|context|it|specify)$/]`,
    message: "No test is skipped: mend it, or delete it and say why.",
  },
  {
    selector: "CallExpression[callee.name=/^(it|specify)$/][arguments.length=1]",
    message: "A test without a body never fails.",
  },
];

export default tseslint.config(
  {
    ignores: ["**/dist/", "**/coverage/", "**/node_modules/", "**/.turbo/", "**/fixtures/", "**/data/"],
  },
  {
    linterOptions: { reportUnusedDisableDirectives: "error" },
  },

  {
    files: ["**/*.{js,mjs,cjs}"],
    rules: {
      eqeqeq: "error",
      "no-unused-vars": "error",
      "no-restricted-syntax": ["error", ...NO_DEFAULT_EXPORT],
    },
  },

  {
    files: ["**/*.{ts,tsx,mts}"],
    extends: [tseslint.configs.strictTypeChecked, tseslint.configs.stylisticTypeChecked],
    languageOptions: {
      parserOptions: { projectService: true, tsconfigRootDir: import.meta.dirname },
    },
    rules: {
      eqeqeq: "error",
      "no-restricted-syntax": ["error", ...NO_DEFAULT_EXPORT],
      "object-shorthand": "error",
      "prefer-const": "error",
      "@typescript-eslint/ban-ts-comment": [
        "error",
        {
          "ts-ignore": true,
          "ts-nocheck": true,
          "ts-expect-error": "allow-with-description",
          minimumDescriptionLength: 10,
        },
      ],
      "@typescript-eslint/consistent-type-exports": "error",
      "@typescript-eslint/consistent-type-imports": ["error", { fixStyle: "inline-type-imports" }],
      "@typescript-eslint/no-confusing-void-expression": ["error", { ignoreArrowShorthand: true }],
      "@typescript-eslint/no-explicit-any": "error",
      "@typescript-eslint/no-floating-promises": "error",
      "@typescript-eslint/no-unused-vars": ["error", { argsIgnorePattern: "^_", varsIgnorePattern: "^_" }],
      "@typescript-eslint/restrict-template-expressions": [
        "error",
        { allowNumber: true, allowBoolean: true },
      ],
      "@typescript-eslint/switch-exhaustiveness-check": [
        "error",
        { considerDefaultExhaustiveForUnions: true, requireDefaultForNonUnion: true },
      ],
      // A type alias and an interface are both fine; a method of an async port need not await.
      "@typescript-eslint/consistent-type-definitions": "off",
      "@typescript-eslint/require-await": "off",
      // `||` on an empty string is often meant.
      "@typescript-eslint/prefer-nullish-coalescing": ["error", { ignorePrimitives: { string: true } }],
    },
  },

  {
    files: INJECTED_SRC,
    rules: {
      "no-console": ["error"],
      "no-restricted-globals": [
        "error",
        ...["setTimeout", "setInterval", "clearTimeout", "clearInterval"].map((name) => ({
          name,
          message: TIMER,
        })),
        { name: "performance", message: CLOCK },
      ],
      "no-restricted-imports": [
        "error",
        {
          paths: [
            ...["timers", "node:timers", "timers/promises", "node:timers/promises"].map((name) => ({
              name,
              message: TIMER,
            })),
            ...["process", "node:process"].map((name) => ({ name, message: ENVIRONMENT })),
            ...["perf_hooks", "node:perf_hooks"].map((name) => ({ name, message: CLOCK })),
            ...["crypto", "node:crypto"].map((name) => ({
              name,
              importNames: ["randomUUID", "randomBytes", "randomInt", "getRandomValues", "webcrypto"],
              message: RANDOM,
            })),
          ],
        },
      ],
      "no-restricted-properties": [
        "error",
        { object: "Date", property: "now", message: CLOCK },
        { object: "Math", property: "random", message: RANDOM },
        ...["randomUUID", "randomBytes", "randomInt", "getRandomValues"].map((property) => ({
          object: "crypto",
          property,
          message: RANDOM,
        })),
        { object: "process", property: "env", message: ENVIRONMENT },
        { object: "process", property: "hrtime", message: CLOCK },
        ...["globalThis", "global"].flatMap((object) => [
          ...["setTimeout", "setInterval", "clearTimeout", "clearInterval"].map((property) => ({
            object,
            property,
            message: TIMER,
          })),
          { object, property: "performance", message: CLOCK },
        ]),
      ],
      "no-restricted-syntax": ["error", ...NO_DEFAULT_EXPORT, ...NO_HIDDEN_INPUT],
    },
  },

  {
    files: TESTS,
    languageOptions: {
      // The projects of the packages hold their src only; tests and tools have one project together.
      parserOptions: { projectService: false, project: "tsconfig.test.json" },
    },
    rules: {
      "no-restricted-syntax": ["error", ...NO_DEFAULT_EXPORT, ...NO_PARTIAL_TEST_RUN],
      // chai: `expect(x).to.be.true` is an assertion; mocha: `this` of a hook is the context.
      "@typescript-eslint/no-unused-expressions": "off",
      "@typescript-eslint/no-invalid-this": "off",
      // A test may insist where it has just built the value, and may hand over wrong things on purpose.
      "@typescript-eslint/no-non-null-assertion": "off",
      "@typescript-eslint/no-unsafe-assignment": "off",
      "@typescript-eslint/no-unsafe-member-access": "off",
      "@typescript-eslint/no-unsafe-argument": "off",
      "@typescript-eslint/no-empty-function": "off",
      "@typescript-eslint/no-dynamic-delete": "off",
    },
  },

  {
    files: CONFIG_FILES,
    rules: { "no-restricted-syntax": "off" },
  },
);
