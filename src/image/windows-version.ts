/** Windows Server 2022, since which a host also runs images of older builds down to this one. */
const firstStableWindowsBuild = 20348;

/**
 * Windows images run on hosts of their own build; hosts since Server 2022 also run older ones down to 2022.
 * @see https://learn.microsoft.com/en-us/virtualization/windowscontainers/deploy-containers/version-compatibility
 */
export function runsWindowsVersion(host: string | undefined, image: string | undefined): boolean {
  const [hostMajor, hostMinor, hostBuild] = readVersion(host);
  const [imageMajor, imageMinor, imageBuild] = readVersion(image);
  if (hostBuild === undefined || imageBuild === undefined) return true;
  if (hostMajor !== imageMajor || hostMinor !== imageMinor) return false;
  if (hostBuild < firstStableWindowsBuild) return hostBuild === imageBuild;
  return imageBuild >= firstStableWindowsBuild && imageBuild <= hostBuild;
}

/** Positive when `one` is the newer build; absent is the oldest. */
export function compareWindowsVersions(one: string | undefined, other: string | undefined): number {
  const others = readVersion(other);
  for (const [place, number] of readVersion(one).entries()) {
    const difference = number - (others[place] ?? 0);
    if (difference !== 0) return difference;
  }
  return 0;
}

/** `10.0.20348.2113` as numbers; empty when absent or no version. */
function readVersion(text: string | undefined): readonly number[] {
  return text !== undefined && /^[0-9]{1,9}(?:\.[0-9]{1,9}){2,3}$/.test(text)
    ? text.split('.').map(Number)
    : [];
}
