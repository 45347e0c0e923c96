// A client of the API whose types are those of docs/openapi.json: paths, parameters, bodies, answers, and of each operation the
// codes that it can fail with.
import createClient, { type Client, type Middleware } from 'openapi-fetch';
import type { components, operations, paths } from './schema.ts';

export type Schemas = components['schemas'];
export type { operations, paths };

/** Every code of the contract. */
export type ErrorCode = Schemas['ErrorCode'];

type Json<Response> = Response extends { content: { 'application/json': infer Body } } ? Body : never;

/** The answers of an operation that are no success, by its id: `Failure<'moment-sync'>`. */
export type Failure<Id extends keyof operations> = Extract<
  Json<operations[Id]['responses'][keyof operations[Id]['responses']]>,
  { error: { type: string } }
>;

/** The codes that an operation can fail with, as literals: a `switch` over them is checked to be complete. */
export type FailureCode<Id extends keyof operations> = Failure<Id>['error']['type'];

export interface Settings {
  /** Where the API is, without a path. */
  baseUrl: string;
  /** The signed-in user's token, asked for before each request, so that it may be renewed. */
  token: () => string | Promise<string>;
  /** In place of the global `fetch`. */
  fetch?: (request: Request) => Promise<Response>;
}

/** A client for one user. It carries cookies, which authorising a Douyin account needs. */
export function cunkebao({ baseUrl, token, fetch }: Settings): Client<paths, 'application/json'> {
  const client = createClient<paths, 'application/json'>({
    baseUrl,
    credentials: 'include',
    ...(fetch && { fetch }),
  });
  const authorization: Middleware = {
    async onRequest({ request }) {
      request.headers.set('Authorization', `Bearer ${await token()}`);
      return request;
    },
  };
  client.use(authorization);
  return client;
}
