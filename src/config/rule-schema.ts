import * as z from 'zod';

/** The type of a rule's secret, said or inferred. */
export type SecretType = 'ImagePullSecret' | 'Opaque' | 'None';

const secretSchema = z
  .strictObject({
    type: z.enum(['ImagePullSecret', 'Opaque', 'None']).optional().meta({
      title: 'Type of the secret',
      description:
        'ImagePullSecret: a docker config in a folder (mountPath). Opaque: one secret text (token or tokenFile), with a username sent as user and password, without one as "Authorization: Bearer". None: no authentication. Default: Opaque where token or tokenFile is set, ImagePullSecret where mountPath is.',
    }),
    mountPath: z.string().min(1).optional().meta({
      title: 'Docker config',
      description:
        'ImagePullSecret: a folder that holds .dockerconfigjson (or .dockercfg), as a Secret is mounted, or such a file itself; every entry that matches the image is tried, as by the kubelet. A relative path starts at the working directory.',
    }),
    username: z.string().optional().meta({
      title: 'User name',
      description:
        'Opaque: the user that the token is the password of. Default: none, and the token is sent as a Bearer token; empty is the same.',
    }),
    token: z.string().optional().meta({
      title: 'Secret text',
      description:
        'Opaque: the password or Bearer token itself; better ${NAME}, an environment variable, or tokenFile.',
    }),
    tokenFile: z.string().min(1).optional().meta({
      title: 'File of the secret text',
      description:
        'Opaque: a file that holds the password or Bearer token, the newline at its end not included; read again every 10 s.',
    }),
    name: z.string().optional().meta({
      title: 'Name of the Kubernetes Secret',
      description: 'Used by the Helm chart only; accepted and ignored in the config file.',
    }),
    key: z.string().optional().meta({
      title: 'Key in the Kubernetes Secret',
      description: 'Used by the Helm chart only; accepted and ignored in the config file.',
    }),
  })
  .superRefine((secret, context) => {
    const complain = (message: string, key?: string): void => {
      context.addIssue({ code: 'custom', message, path: key === undefined ? [] : [key] });
    };
    const type = secretTypeOf(secret);
    if (secret.type === undefined && hasOpaque(secret) && secret.mountPath !== undefined) {
      complain('is it Opaque (token, tokenFile) or ImagePullSecret (mountPath)? Say so with type');
    } else if (type === undefined) {
      complain('a type is missing: ImagePullSecret, Opaque or None');
    } else if (type === 'ImagePullSecret' && secret.mountPath === undefined) {
      complain('type ImagePullSecret needs mountPath, the folder that holds .dockerconfigjson');
    } else if (type === 'Opaque' && secret.token === undefined && secret.tokenFile === undefined) {
      const chart = secret.key === undefined ? '' : '; name and key are values of the Helm chart';
      complain(`type Opaque needs token or tokenFile, not empty${chart}`);
    } else if (type === 'Opaque' && secret.token !== undefined && secret.tokenFile !== undefined) {
      complain('is set beside token; only one of them can be meant', 'tokenFile');
    }
    const problem = secret.token === undefined ? undefined : secretTextProblem(secret.token);
    if (problem !== undefined) complain(problem, 'token');
  })
  .meta({
    title: 'Credential',
    description:
      'What to authenticate with, after the pull Secrets of the Pod. Default: none; the rule only sets options then, and no later rule is looked for.',
  });

export type SecretInput = z.output<typeof secretSchema>;

/** @returns undefined where nothing tells */
export function secretTypeOf(secret: SecretInput): SecretType | undefined {
  if (secret.type !== undefined) return secret.type;
  if (hasOpaque(secret) || secret.key !== undefined) return 'Opaque';
  return secret.mountPath === undefined ? undefined : 'ImagePullSecret';
}

function hasOpaque(secret: SecretInput): boolean {
  return secret.token !== undefined || secret.tokenFile !== undefined;
}

/** A secret as it is sent. Files end in a newline, and so do variables from a Secret that was made of a file. */
export function secretText(content: string): string {
  return content.replace(/(?:\r?\n)+$/, '');
}

/** @returns undefined for one line of text; otherwise the rest of a sentence that begins with what holds it */
export function secretTextProblem(content: string): string | undefined {
  const text = secretText(content);
  if (text.trim() === '') return 'is empty';
  return /\p{Cc}/u.test(text) ? 'holds a line break or another control character' : undefined;
}

function checkEndpoint(text: string): string | undefined {
  const url = URL.parse(text);
  if (url === null || (url.protocol !== 'https:' && url.protocol !== 'http:')) {
    return 'is no http or https URL, as in https://mirror.example.com';
  }
  if (url.username !== '' || url.password !== '') {
    return 'holds a user; put user and password into secret (username, token)';
  }
  if (url.search !== '' || url.hash !== '') return 'has a query or a fragment; leave it out';
  return undefined;
}

/** Characters of references and of globs. The predecessor takes `!a`, which matches nothing; so it is only warned of. */
function checkPattern(pattern: string): string | undefined {
  if (pattern === '') return undefined;
  if (/^[a-z]+:\/\//i.test(pattern))
    return 'starts with a scheme; leave it out: host[:port][/path]';
  if (pattern.endsWith('/')) return 'ends in "/"; leave it out, or write /* for one part of a path';
  return /^[\w.:/*?[\]^!{},-]+$/.test(pattern)
    ? undefined
    : 'is no pattern; it is host[:port] or host[:port]/path, with "*", "?", [a-z] and {a,b} as wildcards';
}

/** A check whose message goes on after the quoted value. */
function checked(
  check: (text: string) => string | undefined,
): (text: string, context: z.RefinementCtx<string>) => void {
  return (text, context) => {
    const message = check(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  };
}

export const ruleSchema = z
  .strictObject({
    hostnamePattern: z
      .string()
      .min(1)
      .superRefine(checked(checkPattern))
      .meta({
        title: 'Pattern',
        description:
          'The images that the rule is for: a glob on the registry as it stands in the reference, host[:port], "*" matching any run of characters, dots included; or host[:port]/path for registry and repository as a whole, "*" staying within one part of the path. docker.io covers registry-1.docker.io and index.docker.io. Required.',
        examples: ['ghcr.io', '*.artifactory.example.com', 'ghcr.io/team/*'],
      }),
    secret: secretSchema.optional(),
    endpoint: z
      .string()
      .superRefine(checked(checkEndpoint))
      .optional()
      .meta({
        title: 'Endpoint',
        description:
          "Ask this URL instead of the image's host, with this rule's secret only: node mirrors, localhost:5001 of kind and k3d. Its scheme decides. Default: none.",
        examples: ['https://mirror.example.com', 'http://kind-registry:5000'],
      }),
    plainHttp: z.boolean().default(false).meta({
      title: 'Plain HTTP',
      description: 'Speak http instead of https with this registry. Default: false.',
    }),
    insecureSkipTlsVerify: z.boolean().default(false).meta({
      title: 'Do not verify TLS',
      description:
        'Accept any certificate of this registry; caCertificatePath is the safe way. Default: false.',
    }),
    caCertificatePath: z.string().min(1).optional().meta({
      title: 'CA certificates',
      description:
        "PEM file with authorities for this registry only, added to the system's and to tls.caCertificatePaths. Default: none.",
    }),
    clientCertificatePath: z.string().min(1).optional().meta({
      title: 'Client certificate',
      description:
        'PEM file with the certificate, and its chain, to show to this registry; needs clientKeyPath. Default: none.',
    }),
    clientKeyPath: z.string().min(1).optional().meta({
      title: 'Key of the client certificate',
      description:
        'PEM file with the key, not encrypted; needs clientCertificatePath. Default: none.',
    }),
    maxConcurrentRequests: z.int().min(1).max(64).optional().meta({
      title: 'Requests at once',
      description:
        'Requests in flight to this registry, 1 to 64. Default: 8 on HTTP/1.1, 32 on HTTP/2.',
    }),
  })
  .superRefine((rule, context) => {
    const certificate = rule.clientCertificatePath !== undefined;
    if (certificate === (rule.clientKeyPath !== undefined)) return;
    const [present, missing] = certificate
      ? (['clientCertificatePath', 'clientKeyPath'] as const)
      : (['clientKeyPath', 'clientCertificatePath'] as const);
    context.addIssue({ code: 'custom', message: `needs ${missing} beside it`, path: [present] });
  })
  .meta({
    title: 'Registry rule',
    description: 'Credential and options for the images that the pattern matches.',
  });

export type RuleInput = z.output<typeof ruleSchema>;
