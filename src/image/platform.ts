import { quote } from './quote.ts';
import { compareWindowsVersions, runsWindowsVersion } from './windows-version.ts';

/** `os/architecture[/variant]`, as in a descriptor. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Windows only: `10.0.20348.2113`. */
  readonly osVersion?: string;
}

/** The text is no platform; the message quotes it and says what is allowed. */
export class InvalidPlatformError extends Error {
  override readonly name = 'InvalidPlatformError';
}

const operatingSystems = ['linux', 'windows', 'darwin', 'freebsd'] as const;
/** What Kubernetes nodes and published images are made for, in Go's words. */
const architectures = [
  'amd64',
  'arm64',
  'arm',
  '386',
  'ppc64le',
  's390x',
  'riscv64',
  'loong64',
  'mips64le',
  'wasm',
] as const;
const platformPattern =
  /^([a-z0-9]+)(?:\(([0-9.]+)\))?\/([a-z0-9_-]+)(?:\/(v?[0-9]+(?:\.[0-9]+)?))?$/;

/**
 * Reads a platform as people write it in the config.
 *
 * @param text `os[(os.version)]/architecture[/variant]`; `x86_64`, `aarch64`, `armhf` and `armel` are understood
 * @returns normalised: `linux/arm64/v8` is `linux/arm64`, `linux/arm` is `linux/arm/v7`
 * @throws {InvalidPlatformError} with the text quoted; a typo like `linux/amd46` would otherwise match nothing, silently
 *
 * @example
 * parsePlatform('linux/arm/v6'); // { os: 'linux', architecture: 'arm', variant: 'v6' }
 */
export function parsePlatform(text: string): Platform {
  const [, os = '', osVersion, architecture = '', variant] =
    platformPattern.exec(text.toLowerCase()) ?? [];
  const platform = normalisePlatform({
    os,
    architecture,
    ...(variant !== undefined && { variant }),
    ...(osVersion !== undefined && { osVersion }),
  });
  if (!isOneOf(operatingSystems, platform.os) || !isOneOf(architectures, platform.architecture)) {
    throw new InvalidPlatformError(
      `invalid platform ${quote(text, 60)}: allowed is os/architecture[/variant], os one of ` +
        `${operatingSystems.join(', ')}, architecture one of ${architectures.join(', ')}`,
    );
  }
  return platform;
}

/** `linux/arm/v7`, `windows(10.0.20348.2113)/amd64`. */
export function formatPlatform(platform: Platform): string {
  const version = platform.osVersion === undefined ? '' : `(${platform.osVersion})`;
  const variant = platform.variant === undefined ? '' : `/${platform.variant}`;
  return `${platform.os}${version}/${platform.architecture}${variant}`;
}

/**
 * One form for what means the same, as containerd has it: `arm64/v8` is `arm64`, `arm` is `arm/v7`, `amd64/v1` is `amd64`.
 * @see https://github.com/containerd/platforms/blob/07c2124b7fcc4cc1cb493dad74284bc967d64544/database.go
 */
export function normalisePlatform(platform: Platform): Platform {
  const { os, architecture, variant } = platform;
  const form = normaliseArchitecture(architecture.toLowerCase(), variant?.toLowerCase() ?? '');
  return {
    os: os.toLowerCase(),
    architecture: form.architecture,
    ...(form.variant !== '' && { variant: form.variant }),
    ...(platform.osVersion !== undefined && { osVersion: platform.osVersion }),
  };
}

/**
 * Tells whether a node of one platform runs an image made for another (case 9).
 *
 * A node takes what is made for it, else what is made for a lesser variant, `386` on amd64 or 32-bit arm on arm64.
 * On Windows the build in `os.version` decides, where both name one.
 * @see https://github.com/containerd/platforms/blob/122d4d057f95e34b5083669cb9a47cf6de5831a8/compare.go
 */
export function platformMatches(wanted: Platform, offered: Platform): boolean {
  return rankOf(wanted, offered) >= 0;
}

/**
 * Chooses what a node would pull out of an index: the nearest platform, the first of equals,
 * on Windows the newest build. An offer that names no platform comes last.
 */
export function chooseOffer<Offer extends { readonly platform?: Platform }>(
  wanted: Platform,
  offers: readonly Offer[],
): Offer | undefined {
  let best: Offer | undefined;
  for (const offer of offers) {
    if (offer.platform === undefined || rankOf(wanted, offer.platform) < 0) continue;
    if (best?.platform === undefined || isNearer(wanted, offer.platform, best.platform)) {
      best = offer;
    }
  }
  return best ?? offers.find((offer) => offer.platform === undefined);
}

function isNearer(wanted: Platform, one: Platform, other: Platform): boolean {
  const difference = rankOf(wanted, one) - rankOf(wanted, other);
  if (difference !== 0) return difference < 0;
  return wanted.os === 'windows' && compareWindowsVersions(one.osVersion, other.osVersion) > 0;
}

/** The place of `offered` in what `wanted` takes, 0 the best; -1 when it takes it not at all. */
function rankOf(wanted: Platform, offered: Platform): number {
  const node = normalisePlatform(wanted);
  const image = normalisePlatform(offered);
  if (node.os !== image.os) return -1;
  if (node.os === 'windows' && !runsWindowsVersion(node.osVersion, image.osVersion)) return -1;
  return machinesOf(node).indexOf(machineName(image.architecture, image.variant ?? ''));
}

/** All that a node takes, best first, as `architecture/variant` in normalised form. */
function machinesOf({ architecture, variant = '' }: Platform): readonly string[] {
  const own = machineName(architecture, variant);
  // One digit each: a hostile index may claim any variant, and no machine has more.
  const [, major = '', minor = '0'] = /^v([0-9])(?:\.([0-9]))?$/.exec(variant) ?? [];
  switch (architecture) {
    case 'amd64':
      return [own, ...downFrom(Number(major) - 1, 2, 'amd64/v'), 'amd64/', '386/'];
    case 'arm':
      return [own, ...downFrom(Number(major) - 1, 5, 'arm/v')];
    case 'arm64':
      return [own, ...lesserArm64(variant, Number(major), Number(minor)), 'arm64/', ...arm32];
    default:
      return [own];
  }
}

const arm32 = ['arm/v8', 'arm/v7', 'arm/v6', 'arm/v5'] as const;

/** Armv9.x includes Armv8.(x+5). */
function lesserArm64(variant: string, major: number, minor: number): readonly string[] {
  if (variant === '') return [];
  if (major === 8) return downFrom(minor - 1, 1, 'arm64/v8.');
  if (major !== 9) return [];
  const nine = minor > 0 ? [...downFrom(minor - 1, 1, 'arm64/v9.'), 'arm64/v9'] : [];
  return [...nine, ...downFrom(minor + 5, 1, 'arm64/v8.')];
}

function machineName(architecture: string, variant: string): string {
  return `${architecture}/${variant}`;
}

function downFrom(first: number, last: number, prefix: string): readonly string[] {
  const names: string[] = [];
  for (let number = first; number >= last; number -= 1) names.push(`${prefix}${number}`);
  return names;
}

function normaliseArchitecture(
  architecture: string,
  variant: string,
): { readonly architecture: string; readonly variant: string } {
  switch (architecture) {
    case 'i386':
      return { architecture: '386', variant: '' };
    case 'x86_64':
    case 'x86-64':
    case 'amd64':
      return { architecture: 'amd64', variant: variant === 'v1' ? '' : variant };
    case 'aarch64':
    case 'arm64':
      return { architecture: 'arm64', variant: /^v?8$/.test(variant) ? '' : variant };
    case 'armhf':
      return { architecture: 'arm', variant: 'v7' };
    case 'armel':
      return { architecture: 'arm', variant: 'v6' };
    case 'arm':
      return { architecture, variant: variant === '' ? 'v7' : variant.replace(/^v?/, 'v') };
    default:
      return { architecture, variant };
  }
}

function isOneOf(known: readonly string[], text: string): boolean {
  return known.includes(text);
}
