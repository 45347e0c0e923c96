// The reference: Scalar over the OpenAPI document, in Chinese, with nothing that it would ask of another origin, signed in as
// whoever the page is signed in as.
const channel = new BroadcastChannel('cunkebao');
const settings = await (await fetch('settings.json')).json();

/** The system's own Chinese fonts. */
const FONTS = '"PingFang SC", "Microsoft YaHei", "Noto Sans CJK SC", system-ui, sans-serif';

const configuration = (token) => ({
  url: 'openapi.json',
  servers: [{ url: settings.apiUrl, description: '本机 cargo dev' }],
  authentication: { preferredSecurityScheme: 'bearer', securitySchemes: { bearer: { token } } },
  localization: { locale: 'zh-CN' },
  // A link to the consent page works only in the browser that keeps the cookie which comes with it.
  customFetch: (input, init) => {
    const url = new URL(typeof input === 'string' ? input : (input.url ?? input), location.href);
    return fetch(input, { ...init, credentials: url.origin === settings.apiUrl ? 'include' : 'same-origin' });
  },
  proxyUrl: '',
  telemetry: false,
  withDefaultFonts: false,
  hideClientButton: true,
  showDeveloperTools: 'never',
  agent: { disabled: true },
  mcp: { disabled: true },
  persistAuth: false,
  defaultHttpClient: { targetKey: 'js', clientKey: 'fetch' },
  documentDownloadType: 'json',
  forceDarkModeState: 'light',
  hideDarkModeToggle: true,
  customCss: `:root { --scalar-font: ${FONTS}; }
    .light-mode { --scalar-color-2: #45484d; --scalar-color-3: #5a5e64; --scalar-color-green: #0a6b45; --scalar-color-orange: #9a4a00;
      --scalar-color-blue: #0b57d0; --scalar-color-red: #b3261e; --scalar-color-yellow: #7a5900; --scalar-color-accent: #0b57d0; }
    .dark-mode { --scalar-color-red: #ff8a80 !important; }`,
});

let shown = null;
channel.addEventListener('message', ({ data }) => {
  if (data.kind !== 'signed-in' || data.token === shown?.token) return;
  if (shown) shown.reference.updateConfiguration(configuration(data.token));
  else shown = { reference: Scalar.createApiReference('#reference', configuration(data.token)) };
  shown.token = data.token;
});
channel.postMessage({ kind: 'who' });
