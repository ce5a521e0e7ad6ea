import * as z from 'zod';

import { parsePlatform } from '../image/platform.ts';
import { isRegistry } from '../image/reference.ts';
import { cronProblem, isTimeZone } from './cron.ts';
import { ruleSchema } from './rule-schema.ts';
import { selectorProblem } from './selector.ts';

/**
 * The config file, key by key: one sentence, unit and default each. Messages of the checks go on after the quoted value.
 * @see {@link configJsonSchema} for editors
 */
export const configSchema = z
  .strictObject({
    cronSchedule: checkedText(cronProblem)
      .default('0 * * * * *')
      .meta({
        title: 'Schedule',
        description:
          'When to look: a cron pattern of 5 fields, or 6 with seconds first. Ticks never overlap. "*/45" in seconds means :00 and :45, not every 45 s. Default: "0 * * * * *", every minute.',
        examples: ['0 * * * * *', '*/5 * * * *', '0 0 7-19 * * MON-FRI'],
      }),
    timeZone: checkedText((name) =>
      isTimeZone(name) ? undefined : 'is no time zone; IANA names are meant, as Europe/Berlin',
    )
      .default('UTC')
      .meta({
        title: 'Time zone',
        description: 'IANA name of the zone that cronSchedule is read in. Default: UTC.',
        examples: ['UTC', 'Europe/Berlin'],
      }),
    jitterSeconds: z.number().min(0).max(3_600).default(10).meta({
      title: 'Jitter',
      description:
        'Seconds; each scheduled tick starts up to this much late, always the same for a namespace, so that many installations do not strike a registry together. 0 switches it off. Default: 10.',
    }),
    runOnStart: z.boolean().default(true).meta({
      title: 'Run on start',
      description: 'A first tick at once, without jitter. Default: true.',
    }),
    selector: checkedText(selectorProblem).default('kube-autorollout/enabled=true').meta({
      title: 'Selector',
      description:
        'Label selector of the Deployments, StatefulSets and DaemonSets to watch. Default: kube-autorollout/enabled=true.',
    }),
    defaultRegistry: checkedText((host) =>
      isRegistry(host) ? undefined : 'is no host[:port], as docker.io',
    )
      .default('docker.io')
      .meta({
        title: 'Default registry',
        description: 'Registry of images that name none, as nginx:1. Default: docker.io.',
      }),
    registries: z.array(ruleSchema).default([]).meta({
      title: 'Registry rules',
      description:
        'Credentials and options by registry, asked after the pull Secrets of the Pod; the first rule that matches wins. Default: none.',
    }),
    tls: z
      .strictObject({
        caCertificatePaths: z.array(z.string().min(1)).default([]).meta({
          title: 'CA certificates',
          description:
            "PEM files, each may hold several certificates, added to the system's authorities for every registry. Default: none.",
        }),
      })
      .prefault({})
      .meta({ title: 'TLS', description: 'Certificates that are trusted.' }),
    webserver: z
      .strictObject({
        port: z.int().min(0).max(65_535).default(8_080).meta({
          title: 'Port',
          description:
            'Port of /health/live, /health/ready and /metrics; 0 switches the server off. A change takes effect with a restart only. Default: 8080.',
        }),
      })
      .prefault({})
      .meta({ title: 'Web server', description: 'Health and metrics.' }),
    pullPolicy: z
      .strictObject({
        ifNotPresent: z.enum(['skip', 'restart']).default('skip').meta({
          title: 'IfNotPresent',
          description:
            'Containers whose imagePullPolicy is IfNotPresent: skip them, or restart although a node that has the tag does not pull it again. Default: skip.',
        }),
      })
      .prefault({})
      .meta({ title: 'Pull policy', description: 'What to do where a restart may not pull.' }),
    platforms: z
      .array(
        checkedText((text) =>
          isPlatform(text)
            ? undefined
            : 'is no platform: os/architecture[/variant], as linux/amd64',
        ),
      )
      .default([])
      .meta({
        title: 'Platforms',
        description:
          "The nodes' platforms, for Pods that do not say by nodeSelector or affinity. Default: none, which is unknown.",
        examples: [['linux/amd64']],
      }),
    convergence: z
      .strictObject({
        maxRestartsPerDigest: z.int().min(1).max(100).default(1).meta({
          title: 'Restarts per digest',
          description:
            'Restarts of a workload for the same digest, 1 to 100; more than 1 only where nodes pull through a mirror that lags. Further ones wait 1 h, 6 h, then 24 h. Default: 1.',
        }),
      })
      .prefault({})
      .meta({
        title: 'Convergence',
        description: 'What to do where a restart did not bring the new image.',
      }),
    fieldManager: checkedText((name) =>
      /^[ -~]{1,128}$/.test(name)
        ? undefined
        : 'is no field manager: 1 to 128 printable characters',
    )
      .default('kube-autorollout')
      .meta({
        title: 'Field manager',
        description: 'Field manager of every PATCH. Default: kube-autorollout.',
      }),
    featureFlags: z
      .strictObject({
        enableKubectlAnnotation: z.boolean().default(false).meta({
          title: "kubectl's annotation",
          description:
            'Restart by the annotation kubectl.kubernetes.io/restartedAt, as kubectl does and GitOps tools ignore, instead of kube-autorollout/restartedAt. Default: false.',
        }),
        enableJfrogArtifactoryFallback: z.boolean().default(false).meta({
          title: 'Artifactory repository paths',
          description:
            'After a 404 of an Artifactory, look again by its repository path method for docker. Default: false.',
        }),
      })
      .prefault({})
      .meta({ title: 'Feature flags', description: 'Behaviour that is off by default.' }),
  })
  .meta({
    title: 'kube-autorollout',
    description:
      'Config file of kube-autorollout. ${NAME} in a value is the environment variable; a value without quotes gets its type after that. Null is the same as absent.',
  });

/** The file's content, checked, with defaults filled in; its files not yet read. */
export type ConfigInput = z.output<typeof configSchema>;

/** The config file's JSON Schema, draft 7, which YAML language servers take. */
export function configJsonSchema(): z.core.JSONSchema.BaseSchema {
  return z.toJSONSchema(configSchema, { io: 'input', target: 'draft-7' });
}

function checkedText(check: (text: string) => string | undefined): z.ZodString {
  return z.string().superRefine((text, context) => {
    const message = check(text);
    if (message !== undefined) context.addIssue({ code: 'custom', message });
  });
}

function isPlatform(text: string): boolean {
  try {
    parsePlatform(text);
    return true;
  } catch {
    return false;
  }
}
