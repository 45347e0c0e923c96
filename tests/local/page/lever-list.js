// Which levers there are. Each is one order to the control API of the sandbox; all others are below /_sandbox/ of its address.
import { settings } from './session.js';

const account = {
  name: 'account',
  label: '账号',
  path: 'douyin/accounts',
  of: (accounts) => accounts.map(({ name, fans }) => [name, `${name}（${fans} 位粉丝）`]),
};
const device = {
  name: 'device',
  label: '手机',
  path: 'gewe/devices',
  of: (devices) => devices.map(({ name, nickname, state }) => [name, `${name} ${nickname}（${state}）`]),
};
const corp = { name: 'corp', label: '企业', path: 'wecom/corps', of: (corps) => corps.map(({ name }) => [name, name]) };
const moment = {
  name: 'moment',
  label: '内容',
  path: 'wecom/moments',
  of: (moments) => moments.toReversed().map(({ momentId, corp, text }) => [momentId, `${corp}：${text.slice(0, 16)}`]),
};
const effect = {
  name: 'effect',
  label: '故障',
  options: [
    ['{"kind":"http","status":502}', 'HTTP 502'],
    ['{"kind":"drop"}', '连接中断'],
    ['{"kind":"notJson"}', '回答不是 JSON'],
    ['{"kind":"emptyBody"}', '回答是空的'],
  ],
};
const receiver = { name: 'receiver', label: '接收方', path: 'inbox/receivers', of: (receivers) => receivers.map(({ name }) => [name, name]) };
const conduct = {
  name: 'conduct',
  label: '表现',
  options: [
    ['{"kind":"well"}', '正常'],
    ['{"kind":"status","status":503}', '回答 503'],
    ['{"kind":"hang"}', '一直不回答'],
    ['{"kind":"status","status":410}', '回答 410（不再接收）'],
    [JSON.stringify({ kind: 'redirect', location: `${settings.sandboxUrl}/inbox/elsewhere` }), '跳转到别处'],
  ],
};
const fault = (platform, endpoint) => ({ effect }) => ({ path: `${platform}/faults`, body: { endpoint, effect: JSON.parse(effect) } });
const clear = (platform) => ({
  about: '去掉还没有发生的故障。',
  button: '清除故障',
  done: '故障已清除。',
  order: () => ({ method: 'DELETE', path: `${platform}/faults` }),
});

export const GROUPS = [
  {
    title: '抖音',
    levers: [
      {
        about: '账号多出新粉丝；下一次同步会读到。',
        button: '新增粉丝',
        fields: [account, { name: 'count', label: '人数', number: 3 }],
        done: '已新增，请同步粉丝。',
        order: ({ account: name, count }) => ({ path: `douyin/accounts/${name}/fans`, body: { add: Number(count) } }),
      },
      {
        about: '粉丝取消关注；完整同步（FULL）会标记。',
        button: '取消关注',
        fields: [account, { name: 'count', label: '人数', number: 1 }],
        done: '已取消关注。',
        order: ({ account: name, count }) => ({ path: `douyin/accounts/${name}/fans`, body: { unfollow: Number(count) } }),
      },
      {
        about: '访问令牌过期；下一次调用时会自动刷新。',
        button: '令牌过期',
        fields: [account],
        done: '已过期。',
        order: ({ account: name }) => ({ path: `douyin/accounts/${name}/expire` }),
      },
      {
        about: '用户在抖音里取消授权；抖音会通知本系统。',
        button: '取消授权',
        fields: [account],
        done: '已取消，并已通知。',
        order: ({ account: name }) => ({ path: `douyin/accounts/${name}/revoke` }),
      },
      {
        about: '下一次读粉丝列表时出故障；同步会稍后继续。',
        button: '安排故障',
        fields: [effect],
        done: '下一次读粉丝列表会遇到它。',
        order: fault('douyin', 'fans/list'),
      },
      clear('douyin'),
    ],
  },
  {
    title: '企业微信',
    levers: [
      {
        about: '所有收到提醒的成员点「发表」。',
        button: '成员点「发表」',
        fields: [moment],
        done: '已发表，任务稍后会看到。',
        order: ({ moment: id }) => ({ path: `wecom/moments/${id}/confirm`, body: {} }),
      },
      {
        about: '企业停用应用；之后的发布会失败并说明原因。',
        button: '停用应用',
        fields: [corp],
        done: '应用已停用。',
        order: ({ corp: name }) => ({ path: `wecom/corps/${name}/app`, body: { enabled: false } }),
      },
      {
        about: '企业重新启用应用。',
        button: '启用应用',
        fields: [corp],
        done: '应用已启用。',
        order: ({ corp: name }) => ({ path: `wecom/corps/${name}/app`, body: { enabled: true } }),
      },
      {
        about: '下一次创建朋友圈任务时出故障。',
        button: '安排故障',
        fields: [effect],
        done: '下一次创建任务会遇到它。',
        order: fault('wecom', 'externalcontact/add_moment_task'),
      },
      clear('wecom'),
    ],
  },
  {
    title: '个人号网关',
    levers: [
      {
        about: '手机离线，网关会通知本系统；账号变为 OFFLINE。',
        button: '手机离线',
        fields: [device],
        done: '已离线，并已通知。',
        order: ({ device: name }) => ({ path: `gewe/devices/${name}/offline`, body: { copies: 0 } }),
      },
      {
        about: '手机重新上线。',
        button: '手机上线',
        fields: [device],
        done: '已上线。',
        order: ({ device: name }) => ({ path: `gewe/devices/${name}`, body: { state: 'online' } }),
      },
      {
        about: '下一次发文字朋友圈时出故障；结果不明时不会重复发布。',
        button: '安排故障',
        fields: [effect],
        done: '下一次发布会遇到它。',
        order: fault('gewe', 'sns/sendTextSns'),
      },
      clear('gewe'),
    ],
  },
  {
    title: 'Webhook 的接收方',
    levers: [
      {
        about: '接收方从现在起怎样回答；没有送达的会稍后重试，回答 410 的会停用。先在「三分钟演示」里创建 Webhook。',
        button: '改变表现',
        fields: [receiver, conduct],
        done: '已改变，下一次发送会遇到它。',
        order: ({ receiver: name, conduct }) => ({ method: 'PUT', path: `inbox/receivers/${name}/conduct`, body: JSON.parse(conduct) }),
      },
    ],
  },
];
