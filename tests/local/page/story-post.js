// A post is confirmed: a company's member is asked by WeCom, taps "publish", and the task is a success.
import { steer, steered, until } from './api.js';
import { clock, h } from './dom.js';
import { connectMember, follow, MEMBER, order, picture } from './wechat.js';

async function connect(stage) {
  const account = await connectMember(stage);
  stage.say(`已连接 ${account.accountName}（${account.status}）。`);
}

async function publish(stage) {
  await order(stage, '新品上架，到店有礼', [picture()]);
  const result = await follow(stage, '成员收到提醒', ({ stage: now }) => now === 'WAITING_MEMBER_CONFIRM');
  stage.say(`任务已创建，${result.accountName} 的状态是 ${result.status}：${result.reason ?? '等待成员确认'}`);
}

async function confirm(stage) {
  const { state, show, say } = stage;
  const ours = (await steered('GET', 'wecom/moments')).filter(({ corp }) => corp === state.corp).at(-1);
  // WeCom takes some seconds to hand a moment to its members, and says nothing when it has.
  await until('企业微信把内容交给成员', async () => {
    const made = await steer('POST', `wecom/moments/${ours.momentId}/confirm`, { userid: MEMBER });
    if (made.status === 409 && made.answer.error.includes('has not reached')) return null;
    if (made.status >= 400) throw new Error(`模拟平台没有执行：${made.answer.error}`);
    return show(made);
  });
  const result = await follow(stage, '发布成功', ({ status }) => status === 'SUCCESS');
  say(h('strong', {}, '发布成功'), `：${result.accountName} 于 ${clock(result.updateTime)} 发布，朋友圈编号 ${result.momentId}。`);
}

export const post = {
  id: 'post',
  title: '一条朋友圈怎样被确认',
  about: '企业微信要求成员本人点「发表」，任务才算成功。',
  steps: [
    { about: '连接模拟企业微信的一位成员。', button: '连接成员', run: connect },
    { about: '发布一条带图的朋友圈，等成员收到提醒。', button: '发布朋友圈', run: publish },
    { about: '替成员在企业微信里点「发表」，看任务变为成功。', button: '成员点「发表」', run: confirm },
  ],
};
