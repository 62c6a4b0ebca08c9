export default {
  title: "电视墙",
};
