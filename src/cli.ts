import { Command, CommanderError, InvalidArgumentError, Option } from 'commander';
import { workloadKinds, type WorkloadKind } from './rollout/workload.ts';

export const logLevels = ['trace', 'debug', 'info', 'warn', 'error'] as const;
export type LogLevel = (typeof logLevels)[number];
export const logFormats = ['json', 'pretty'] as const;
export type LogFormat = (typeof logFormats)[number];

/** Flags that every command takes; absent ones fall back as design 2.1 says. */
export interface CommonFlags {
  readonly config?: string;
  readonly namespace?: string;
  readonly kubeconfig?: string;
  readonly context?: string;
  readonly dryRun: boolean;
  readonly logLevel?: LogLevel;
  readonly logFormat?: LogFormat;
}

/** A workload as a person names it: `deployment/web`. */
export interface WorkloadName {
  readonly kind: WorkloadKind;
  readonly name: string;
}

export type Invocation =
  | { readonly command: 'run'; readonly once: boolean; readonly failOnUnknown: boolean }
  | {
      readonly command: 'check';
      readonly output: 'table' | 'json';
      readonly workload?: WorkloadName;
      readonly exitCode: boolean;
      readonly failOnUnknown: boolean;
    }
  | {
      readonly command: 'explain';
      readonly workload: WorkloadName;
      readonly output: 'text' | 'json';
      readonly exitCode: boolean;
      readonly failOnUnknown: boolean;
    }
  | { readonly command: 'validate' }
  | { readonly command: 'schema' }
  | { readonly command: 'demo' };

export type CommandLine =
  | { readonly ok: true; readonly invocation: Invocation; readonly flags: CommonFlags }
  /** Nothing to run: help and version (stdout, 0), or a wrong flag (stderr, 2). */
  | { readonly ok: false; readonly exitCode: 0 | 2; readonly text: string };

/** kubectl's names for the kinds that can be restarted, plural and short ones included. */
const kindNames: Readonly<Record<string, WorkloadKind>> = {
  deployment: 'Deployment',
  deployments: 'Deployment',
  deploy: 'Deployment',
  statefulset: 'StatefulSet',
  statefulsets: 'StatefulSet',
  sts: 'StatefulSet',
  daemonset: 'DaemonSet',
  daemonsets: 'DaemonSet',
  ds: 'DaemonSet',
};

function parseWorkloadName(text: string): WorkloadName {
  const [kindText = '', name = '', ...rest] = text.split('/');
  // `kubectl get --output name` says deployment.apps/web.
  const word = kindText.toLowerCase().replace(/\.apps$/, '');
  const kind = Object.hasOwn(kindNames, word) ? kindNames[word] : undefined;
  if (kind === undefined || name === '' || rest.length > 0) {
    const example = /^[a-z0-9][a-z0-9.-]{0,252}$/.test(text) ? text : 'web';
    throw new InvalidArgumentError(
      `Allowed is KIND/NAME with one of the kinds ${workloadKinds.join(', ')}, like deployment/${example}.`,
    );
  }
  return { kind, name };
}

/** What a shell makes of a variable that is not set: `--config "$CONFIG"`. */
function notEmpty(text: string): string {
  if (text === '') throw new InvalidArgumentError('It is empty.');
  return text;
}

/** As what the program was called: by its own name, or by kubectl, which finds plugins by theirs. */
export type CalledAs = 'kube-autorollout' | 'kubectl autorollout';

/**
 * @param script its path, or that of a link to it
 * @see https://kubernetes.io/docs/tasks/extend-kubectl/kubectl-plugins/
 */
export function calledAs(script: string): CalledAs {
  return /(?:^|[/\\])kubectl-autorollout(?:\.[a-z]+)?$/.test(script)
    ? 'kubectl autorollout'
    : 'kube-autorollout';
}

/**
 * Reads the command line.
 *
 * As a plugin of kubectl it has no default command: nobody means to run a poller when typing `kubectl autorollout`.
 *
 * @param args    without the interpreter and the script
 * @param version what `--version` prints
 * @returns the command to run, or the text to print and the exit code: 0 for help and version, 2 for a
 *   wrong flag, argument or command
 *
 * @example
 * parseCommandLine(['check', '--output', 'json'], '1.0.0');
 */
export function parseCommandLine(
  args: readonly string[],
  version: string,
  name: CalledAs = 'kube-autorollout',
): CommandLine {
  let printed = '';
  let invocation: Invocation | undefined;
  const program = buildProgram(
    { version, name },
    (text) => (printed += text),
    (chosen) => (invocation = chosen),
  );
  try {
    program.parse(args.map(asOneArgument), { from: 'user' });
  } catch (error) {
    if (!(error instanceof CommanderError)) throw error;
    return { ok: false, exitCode: error.exitCode === 0 ? 0 : 2, text: printed };
  }
  if (invocation === undefined) {
    return { ok: false, exitCode: 2, text: program.helpInformation() };
  }
  return { ok: true, invocation, flags: commonFlags(program.opts<ParsedCommonFlags>()) };
}

/** kubectl takes `-o=json`, which to the parser is the value `=json`. */
function asOneArgument(argument: string): string {
  return argument.replace(/^-([no])=(?=.)/, '-$1');
}

function commonFlags(options: ParsedCommonFlags): CommonFlags {
  return { ...options, dryRun: options.dryRun ?? false };
}

type ParsedCommonFlags = Omit<CommonFlags, 'dryRun'> & { readonly dryRun?: boolean };

const failOnUnknown = (): Option =>
  new Option('--fail-on-unknown', 'exit code 1 also when a container is unknown').default(false);
const exitCode = (): Option =>
  new Option('--exit-code', 'exit code 3 when something would be restarted').default(false);

function buildProgram(
  { version, name }: { readonly version: string; readonly name: CalledAs },
  print: (text: string) => void,
  choose: (invocation: Invocation) => void,
): Command {
  const program = new Command()
    .name(name)
    .description(
      'Restarts the workloads of a namespace whose image has changed under its tag.\n' +
        'Watches what is labelled kube-autorollout/enabled=true.',
    )
    .version(version)
    .option(
      '--config <file>',
      'configuration file (else CONFIG_FILE; neither: the defaults)',
      notEmpty,
    )
    .option(
      '-n, --namespace <namespace>',
      "namespace (else the service account's own in a Pod, else the kubeconfig context's, else default)",
      notEmpty,
    )
    .option(
      '--kubeconfig <file>',
      'kubeconfig file (else KUBECONFIG, the in-cluster service account, ~/.kube/config)',
      notEmpty,
    )
    .option('--context <name>', "kubeconfig context (else the file's current one)", notEmpty)
    .option('--dry-run', 'everything but PATCHes and Events; says what it would do')
    .addOption(
      new Option(
        '--log-level <level>',
        'lowest level that is logged (else LOG_LEVEL, else info)',
      ).choices(logLevels),
    )
    .addOption(
      new Option(
        '--log-format <format>',
        'format of the log (else LOG_FORMAT; json unless stdout is a terminal)',
      ).choices(logFormats),
    )
    .configureHelp({ showGlobalOptions: true })
    .configureOutput({ writeOut: print, writeErr: print })
    .exitOverride()
    .showHelpAfterError('(--help lists what is allowed)');

  const add = (command: string, description: string): Command =>
    program
      .command(command, { isDefault: command === 'run' && name === 'kube-autorollout' })
      .description(description)
      .copyInheritedSettings(program);

  const refuse = (command: string): never => {
    const known = program.commands.map((one) => one.name()).filter((one) => one !== 'help');
    return program.error(`error: unknown command '${command}'. Allowed are ${known.join(', ')}.`);
  };

  add('run', 'watches on a schedule until SIGTERM or SIGINT (the default command)')
    .option('--once', 'one tick at once, no web server, then exit', false)
    .addOption(failOnUnknown())
    // A mistyped command reaches the default one as an argument.
    .allowExcessArguments(true)
    .action((options: { once: boolean; failOnUnknown: boolean }, run: Command) => {
      const [stray] = run.args;
      if (stray !== undefined) refuse(stray);
      choose({ command: 'run', ...options });
    });

  add('check', 'says what run --once would do, changing nothing')
    .addOption(
      new Option('-o, --output <format>', 'a table, or JSON')
        .choices(['table', 'json'])
        .default('table'),
    )
    .option('--workload <kind/name>', 'only this workload', parseWorkloadName)
    .addOption(exitCode())
    .addOption(failOnUnknown())
    .action(
      (options: {
        output: 'table' | 'json';
        workload?: WorkloadName;
        exitCode: boolean;
        failOnUnknown: boolean;
      }) => {
        choose({ command: 'check', ...options });
      },
    );

  add('explain', 'tells the whole way to the decision for one workload, changing nothing')
    .argument('<kind/name>', 'the workload, like deployment/web', parseWorkloadName)
    .addOption(
      new Option('-o, --output <format>', 'text, or JSON')
        .choices(['text', 'json'])
        .default('text'),
    )
    .addOption(exitCode())
    .addOption(failOnUnknown())
    .action(
      (
        workload: WorkloadName,
        options: { output: 'text' | 'json'; exitCode: boolean; failOnUnknown: boolean },
      ) => {
        choose({ command: 'explain', workload, ...options });
      },
    );

  add('validate', 'reads the configuration file and prints its problems, or the next times').action(
    () => choose({ command: 'validate' }),
  );
  add('schema', "prints the configuration file's JSON Schema").action(() =>
    choose({ command: 'schema' }),
  );
  add(
    'demo',
    'shows the poller at work on an embedded API server and registry; needs no cluster',
  ).action(() => choose({ command: 'demo' }));
  // The parser's own answers a command that it does not know with a page, and not with its name.
  program.helpCommand(false);
  add('help', 'display help for command')
    .argument('[command]')
    .action((asked?: string) => {
      const found = program.commands.find((command) => command.name() === asked);
      if (asked !== undefined && found === undefined) refuse(asked);
      (found ?? program).help();
    });
  return program;
}
