import { logFormats, logLevels, type CommonFlags, type LogFormat, type LogLevel } from '../cli.ts';
import { formatProblem, loadConfig, type Loaded } from '../config/load.ts';
import { quote } from '../image/quote.ts';
import { checkNamespace, connect, KubeConfigError, type Connection } from '../kube/connection.ts';
import { checkProxySettings, ProxySettingsError, type ProxySettings } from '../network/proxy.ts';
import { createLog, descriptorDestination, type Log } from '../telemetry/log.ts';
import { hasColour, StartError, variable, type Environment } from './environment.ts';

export type ValidConfig = Extract<Loaded, { readonly ok: true }>;

/** What `run`, `check` and `explain` begin with; nothing has been contacted yet. */
export interface Setup {
  readonly log: Log;
  readonly logLevel: LogLevel;
  readonly loaded: ValidConfig;
  /** Otherwise the defaults are in force. */
  readonly hasConfigFile: boolean;
  readonly load: () => Promise<Loaded>;
  readonly connection: Connection;
  readonly namespace: string;
  readonly proxy: ProxySettings;
  readonly userAgent: string;
}

/**
 * Reads flags, environment, config and kubeconfig.
 *
 * @param options.logTo    stderr where stdout is for the answer
 * @param options.logLevel where neither flag nor `LOG_LEVEL` says
 * @throws {StartError} exit code 2, with every problem
 */
export async function setUp(
  environment: Environment,
  flags: CommonFlags,
  options: { readonly logTo: 'stdout' | 'stderr'; readonly logLevel: LogLevel },
): Promise<Setup> {
  const logLevel = flags.logLevel ?? levelVariable(environment, options) ?? options.logLevel;
  const log = createCommandLog(environment, flags, { logTo: options.logTo, logLevel });
  const load = configLoader(environment, flags);
  const loaded = await load();
  if (!loaded.ok) throw new StartError(loaded.problems.map(formatProblem).join('\n'), 2);
  const userAgent = `kube-autorollout/${environment.version}`;
  try {
    const proxy = proxySettings(environment);
    checkProxySettings(proxy);
    const connection = await connect({
      kubeconfig: flags.kubeconfig,
      context: flags.context,
      kubeconfigVariable: variable(environment, 'KUBECONFIG'),
      home: variable(environment, 'HOME'),
      serviceHost: variable(environment, 'KUBERNETES_SERVICE_HOST'),
      servicePort: variable(environment, 'KUBERNETES_SERVICE_PORT'),
      proxy,
      userAgent,
      observe: (observation) => log.trace({ ...observation }, 'API request ended'),
    });
    const namespace = checkNamespace(flags.namespace ?? connection.namespace);
    const hasConfigFile = configFile(environment, flags) !== undefined;
    return { log, logLevel, loaded, hasConfigFile, load, connection, namespace, proxy, userAgent };
  } catch (error) {
    if (error instanceof KubeConfigError || error instanceof ProxySettingsError) {
      throw new StartError(error.message, 2);
    }
    throw error;
  }
}

/** Reads the config as often as it is called; the environment never changes. */
export function configLoader(environment: Environment, flags: CommonFlags): () => Promise<Loaded> {
  const file = configFile(environment, flags);
  return () => loadConfig(file, { environment: environment.variables });
}

function configFile(environment: Environment, flags: CommonFlags): string | undefined {
  return flags.config ?? variable(environment, 'CONFIG_FILE');
}

function createCommandLog(
  environment: Environment,
  flags: CommonFlags,
  { logTo, logLevel }: { readonly logTo: 'stdout' | 'stderr'; readonly logLevel: LogLevel },
): Log {
  const output = environment[logTo];
  const format =
    flags.logFormat ?? fromVariable(environment, 'LOG_FORMAT', logFormats) ?? defaultFormat(output);
  return createLog({
    level: logLevel,
    format,
    colour: hasColour(output, environment),
    destination: descriptorDestination(logTo === 'stdout' ? 1 : 2),
    now: () => new Date(),
  });
}

function defaultFormat({ isTerminal }: { readonly isTerminal: boolean }): LogFormat {
  return isTerminal ? 'pretty' : 'json';
}

/**
 * `LOG_LEVEL` in a Pod is the poller's, `info` as a rule: of a command that answers on stdout, what it answers would
 * be told twice. So there the variable can only ask for more.
 */
function levelVariable(
  environment: Environment,
  { logTo }: { readonly logTo: 'stdout' | 'stderr' },
): LogLevel | undefined {
  const level = fromVariable(environment, 'LOG_LEVEL', logLevels);
  return logTo === 'stdout' || level === 'trace' || level === 'debug' ? level : undefined;
}

function fromVariable<Word extends string>(
  environment: Environment,
  name: string,
  allowed: readonly Word[],
): Word | undefined {
  const value = variable(environment, name);
  if (value === undefined) return undefined;
  const found = allowed.find((word) => word === value.toLowerCase());
  if (found !== undefined) return found;
  throw new StartError(`${name} is ${quote(value, 50)}; allowed are ${allowed.join(', ')}`, 2);
}

function proxySettings(environment: Environment): ProxySettings {
  const either = (name: string): string | undefined =>
    variable(environment, name) ?? variable(environment, name.toLowerCase());
  const httpsProxy = either('HTTPS_PROXY');
  const httpProxy = either('HTTP_PROXY');
  const noProxy = either('NO_PROXY');
  return {
    ...(httpsProxy !== undefined && { httpsProxy }),
    ...(httpProxy !== undefined && { httpProxy }),
    ...(noProxy !== undefined && { noProxy }),
  };
}
