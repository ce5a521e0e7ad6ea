import { defaultHostOptions } from '../registry/hosts.ts';
import {
  createHttp,
  HttpError,
  type Http,
  type HttpObservation,
  type HttpOptions,
  type HttpRequest,
  type HttpResponse,
} from '../registry/http.ts';

/** A network of a test: closed at its end, with everything observed. */
export interface TestHttp extends AsyncDisposable {
  readonly http: Http;
  readonly observations: readonly HttpObservation[];
  /** Sends a HEAD with `Accept: *\/*` unless told otherwise. */
  send(
    url: URL | string,
    request?: Partial<HttpRequest>,
    signal?: AbortSignal,
  ): Promise<HttpResponse>;
  /** The error that a request ends with; throws when it does not fail. */
  failure(
    url: URL | string,
    request?: Partial<HttpRequest>,
    signal?: AbortSignal,
  ): Promise<HttpError>;
}

/** Long for a machine that is busy, short for one whose tests hang. */
const patienceMs = 30_000;

export function testHttp(options: Partial<HttpOptions> = {}): TestHttp {
  const observations: HttpObservation[] = [];
  const http = createHttp({
    caCertificates: [],
    proxy: {},
    userAgent: 'kube-autorollout/test',
    observe: (observation) => observations.push(observation),
    ...options,
  });
  const send: TestHttp['send'] = async (
    url,
    request = {},
    signal = AbortSignal.timeout(patienceMs),
  ) =>
    http.send(
      {
        method: 'HEAD',
        url: new URL(url),
        headers: { accept: '*/*' },
        host: defaultHostOptions,
        maxBodyBytes: 64 * 1024,
        ...request,
      },
      { signal },
    );
  return {
    http,
    observations,
    send,
    async failure(url, request, signal) {
      const response = await send(url, request, signal).catch((error: unknown) => error);
      if (response instanceof HttpError) return response;
      throw new Error('this was to end with an HttpError', { cause: response });
    },
    [Symbol.asyncDispose]: async () => http.close(),
  };
}
