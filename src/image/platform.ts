/** `os/architecture[/variant]`, as in a descriptor. */
export interface Platform {
  readonly os: string;
  readonly architecture: string;
  readonly variant?: string;
  /** Windows only: `10.0.20348.2113`. */
  readonly osVersion?: string;
}
