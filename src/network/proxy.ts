/** `HTTPS_PROXY`, `HTTP_PROXY` and `NO_PROXY` as `main.ts` read them; upper case wins over lower. */
export interface ProxySettings {
  readonly httpsProxy?: string;
  readonly httpProxy?: string;
  readonly noProxy?: string;
}
